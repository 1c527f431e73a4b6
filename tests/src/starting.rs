//! When a server must not start: what it says, with which number it ends, and that it changed
//! nothing. And how a folder of the original program is taken over.
//! Not here: damaged folders (`damage`).

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::{Ended, Folder, Layout, Run, Serve, Server, rehashed, run};

/// Checks that a start on this folder is refused with this number and code, says nothing on
/// stdout, and changes nothing. Returns what it said.
fn refused(folder: &Folder, exit: i32, code: &str) -> Ended {
    let before = folder.image();
    let ended = Serve::on(folder).refused().with_code(exit);
    assert_eq!(ended.stdout, "", "{ended:?}");
    assert!(ended.stderr.starts_with(&format!("error[{code}]: ")), "{}", ended.stderr);
    let data = folder.data().display().to_string();
    assert!(ended.stderr.contains(&data), "names the folder: {}", ended.stderr);
    assert!(ended.stderr.contains("\n  hint: "), "says what to do: {}", ended.stderr);
    assert!(folder.image() == before, "something was changed");
    ended
}

/// A folder with a few events, stopped in order.
fn stopped() -> Folder {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut wire = server.connect();
    for amount in 1..=5 {
        wire.ask(&format!(r#"{{"cmd":"deposit","user":"alice","amount":{amount}}}"#));
    }
    server.shut_down().with_code(0);
    folder
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let folder = Folder::new();
    let first = Server::start(&folder);
    let mut wire = first.connect();
    wire.ask(r#"{"cmd":"deposit","user":"alice","amount":5}"#);
    let ended = Serve::on(&folder).refused().with_code(72);
    assert!(ended.stderr.starts_with("error[folder_locked]: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("open in another server"), "{}", ended.stderr);
    assert_eq!(wire.ask(r#"{"cmd":"deposit","user":"alice","amount":5}"#)["after"], 10);
    first.crash();
    // The kernel lets go of the lock with the process.
    let second = Server::start(&folder);
    assert_eq!(second.connect().balance("alice").0, 10);
}

#[test]
fn an_address_that_other_machines_reach_is_refused_before_anything_is_made() {
    for address in ["0.0.0.0:0", "[::]:0", "10.1.2.3:5000"] {
        let folder = Folder::new();
        let ended = Serve::on(&folder).listen(address).refused().with_code(73);
        assert!(ended.stderr.starts_with("error[unsafe_bind]: "), "{}", ended.stderr);
        assert!(ended.stderr.contains("no access control"), "{}", ended.stderr);
        assert!(!folder.data().exists(), "{address}");
    }
}

#[test]
fn what_cannot_be_an_address_or_a_folder_is_a_usage_error() {
    let folder = Folder::new();
    for address in ["5000", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:x"] {
        Serve::on(&folder).listen(address).refused().with_code(2);
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Serve::on(&folder).listen(&address).refused().with_code(2);
    assert!(ended.stderr.starts_with("error[address_in_use]: "), "{}", ended.stderr);
    assert!(ended.stderr.contains(&address), "{}", ended.stderr);
    let file = folder.around().join("file");
    fs::write(&file, "").unwrap();
    Serve::at(&file).refused().with_code(2);
    Serve::at(&folder.around().join("no/such/parent")).refused().with_code(2);
    for address in ["mysql://localhost/bank", "postgres://localhost:port/bank"] {
        Serve::at(Path::new(address)).refused().with_code(2);
    }
    // Somebody is there, and it is no database.
    let ended = Serve::at(Path::new(&format!("postgres://saldo@{address}/bank"))).refused();
    assert!(ended.stderr.starts_with("error[database_unreachable]: "), "{}", ended.stderr);
    ended.with_code(3);
}

#[test]
fn a_folder_of_a_newer_format_is_refused() {
    let base = stopped();
    let header_end = Layout::of(base.bytes("transactions.log")).header.end;
    let newer_header = |log: Vec<u8>| {
        let (header, rest) = log.split_at(header_end);
        let header = std::str::from_utf8(header).unwrap();
        let newer = rehashed(header, "\"format\":2,", "\"format\":3,\"new\":[{}],");
        [newer.as_bytes(), rest].concat()
    };
    let folder = Folder::copy_of(&base);
    folder.write("transactions.log", &newer_header(base.bytes("transactions.log")));
    let ended = refused(&folder, 74, "newer_format");
    assert!(ended.stderr.contains("transactions.log has format 3"), "{}", ended.stderr);

    let folder = Folder::copy_of(&base);
    let snapshot = String::from_utf8(base.bytes("state.json")).unwrap();
    folder.write("state.json", rehashed(&snapshot, "\"format\":1,", "\"format\":2,").as_bytes());
    let ended = refused(&folder, 74, "newer_format");
    assert!(ended.stderr.contains("state.json has format 2"), "{}", ended.stderr);

    // A kind of event that this program does not know, under a seal that fits.
    let folder = Folder::copy_of(&base);
    let mut log = Layout::of(base.bytes("transactions.log"));
    let event =
        b"{\"seq\":6,\"tx\":\"hold\",\"tx_id\":\"h\",\"user\":\"alice\",\"amount\":1,\"at\":1}\n";
    log.forge(event, 6, 6, -15);
    folder.write("transactions.log", &log.bytes);
    let ended = refused(&folder, 74, "newer_format");
    assert!(ended.stderr.contains("transactions.log"), "{}", ended.stderr);
}

#[test]
fn a_header_that_only_looks_newer_is_damage() {
    let folder = stopped();
    let log = String::from_utf8(folder.bytes("transactions.log")).unwrap();
    folder.write("transactions.log", log.replacen("\"format\":2,", "\"format\":3,", 1).as_bytes());
    let ended = refused(&folder, 71, "corrupt");
    assert!(ended.stderr.contains("transactions.log is damaged at byte 0"), "{}", ended.stderr);
}

/// A folder as the original program left it; an absent file is none.
fn original(log: Option<&str>, state: Option<&str>) -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.data()).unwrap();
    fs::set_permissions(folder.data(), fs::Permissions::from_mode(0o700)).unwrap();
    if let Some(log) = log {
        folder.write("transactions.log", log.as_bytes());
    }
    if let Some(state) = state {
        folder.write("state.json", state.as_bytes());
    }
    folder
}

const ORIGINAL_LOG: &str = r#"{"tx": "deposit", "tx_id": "f5a6dfbe-9750-4ade-a1c5-dcb1b47db731", "user": "alice", "amount": 2500, "after": 102500}
{"tx": "transfer", "tx_id": "5f531981-0866-4a29-80f8-2d2e07bc69c1", "from": "alice", "to": "bob", "amount": 777, "after_from": 101723, "after_to": 50777}
"#;
const ORIGINAL_STATE: &str =
    r#"{"accounts": {"alice": {"balance": 101723}, "bob": {"balance": 50777}}, "timestamp": 1.5}"#;

#[test]
fn a_folder_of_the_original_program_is_recognised_and_its_balances_are_taken_over() {
    for (log, state) in [
        (Some(ORIGINAL_LOG), Some(ORIGINAL_STATE)),
        (Some(ORIGINAL_LOG), None),
        (Some(""), Some(ORIGINAL_STATE)),
        (None, Some(ORIGINAL_STATE)),
    ] {
        let old = original(log, state);
        let ended = refused(&old, 74, "original_folder");
        assert!(ended.stderr.contains("written by the original program"), "{}", ended.stderr);
        let state_path = old.file("state.json").display().to_string();
        let take_over = format!("saldo init {state_path}");
        assert!(ended.stderr.contains(&take_over), "{}", ended.stderr);
        if state.is_none() {
            continue;
        }
        let folder = Folder::new();
        let server = Server::start(&folder);
        let taken = Run::new(&["init", &state_path]).at(&server).end().with_code(0);
        assert_eq!(taken.stdout, "alice\t101723\nbob\t50777\n");
        let mut wire = server.connect();
        assert_eq!((wire.balance("alice").0, wire.balance("bob").0), (101_723, 50_777));
    }
}

#[test]
fn a_first_start_makes_a_folder_that_nobody_else_may_enter() {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = Folder::new();
    let server = Serve::on(&folder).small().start();
    let mut wire = server.connect();
    let deposits = "{\"cmd\":\"deposit\",\"user\":\"alice\",\"amount\":1}\n".repeat(1_000);
    wire.send(deposits.as_bytes());
    (0..1_000).for_each(|_| assert_eq!(wire.reply()["ok"], true));
    server.shut_down().with_code(0);
    assert_eq!(mode(&folder.data()), 0o700);
    let names: Vec<String> = folder.image().into_iter().map(|(name, _)| name).collect();
    assert!(names.len() > 3, "{names:?}");
    for name in names.iter().map(String::as_str).chain(["LOCK"]) {
        assert_eq!(mode(&folder.file(name)), 0o600, "{name}");
    }

    // A folder that was open to others is closed, and that is told.
    fs::set_permissions(folder.data(), fs::Permissions::from_mode(0o755)).unwrap();
    let server = Server::start(&folder);
    server.says(r#""event":"folder_closed""#);
    assert_eq!(mode(&folder.data()), 0o700);
}

#[test]
fn a_port_of_zero_picks_a_free_one_and_tells_which() {
    let (one, other) = (Folder::new(), Folder::new());
    let (one, other) = (Server::start(&one), Server::start(&other));
    assert_ne!(one.address.port(), 0);
    assert_ne!(one.address, other.address);
    one.says(&format!(r#""tcp":"{}""#, one.address));
    // The commands that it suggests work as they stand.
    one.says(" balance alice bob --server");
    let line = one.stderr().lines().find(|line| line.contains("listening")).unwrap().to_owned();
    let logged: serde_json::Value = serde_json::from_str(&line).unwrap();
    for command in logged["try"].as_str().unwrap().split(" ; ") {
        let words: Vec<&str> = command.split(' ').collect();
        run(&words[1..]).with_code(0);
    }
}

#[test]
fn settings_come_from_the_environment_as_well() {
    let folder = Folder::new();
    let data = folder.data().display().to_string();
    // Refused, so that it ends by itself.
    Run::new(&["serve"])
        .env("SALDO_LISTEN", "0.0.0.0:0")
        .env("SALDO_DATA", &data)
        .end()
        .with_code(73);
    let server = Server::start(&folder);
    let ended = Run::new(&["serve"])
        .env("SALDO_LISTEN", "127.0.0.1:0")
        .env("SALDO_DATA", &data)
        .end()
        .with_code(72);
    assert!(ended.stderr.contains(&data), "{}", ended.stderr);
    drop(server);
}
