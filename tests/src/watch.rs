//! `saldo check` and `saldo top`: against a real server, and against one that says what a real one says
//! only in bad moments.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use crate::harness::{Ended, Folder, Run, Serve, Server, clean, saldo, until};
use crate::ports::Ports;

/// The disk of the machine that runs the tests is as full as it is.
const ANY_DISK: [&str; 4] = ["--warn", "disk=off", "--crit", "disk=off"];

fn check(http: SocketAddr, flags: &[&str]) -> Ended {
    let http = http.to_string();
    Run::new(&["check", "--over", "50ms", "--http", &http]).and(flags).end()
}

/// The item of a document.
fn item<'d>(document: &'d Value, name: &str) -> &'d Value {
    let items = document["items"].as_array().unwrap();
    items.iter().find(|item| item["item"] == name).unwrap()
}

/// Deposits without end while `work` is done.
fn under_load<T>(server: &Server, work: impl FnOnce() -> T) -> T {
    /// Ends the load also where the work fails.
    struct Over<'o>(&'o AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut wire = server.connect();
            while !is_over.load(Ordering::SeqCst) {
                wire.ask(r#"{"cmd":"deposit","user":"alice","amount":7}"#);
            }
        });
        let _over = Over(&is_over);
        work()
    })
}

/// A server that answers every page with what a function says; `None`: not at all. It ends with the
/// test's process.
fn scripted(answer: impl Fn(&str) -> Option<(u16, String)> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            match answer(&head) {
                None => kept.push(stream),
                Some((status, body)) => {
                    let length = body.len();
                    let head = format!("HTTP/1.1 {status} S\r\ncontent-length: {length}\r\n\r\n");
                    // A client that has enough does not read the rest.
                    drop(stream.write_all(format!("{head}{body}").as_bytes()));
                }
            }
        }
    });
    address
}

#[test]
fn check_finds_a_running_server_well_and_says_so_in_each_format() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let http = server.http.unwrap();
    server.connect().ask(r#"{"cmd":"deposit","user":"alice","amount":7}"#);
    let text = check(http, &ANY_DISK).with_code(0);
    assert_eq!(text.stdout.lines().count(), 9, "{text:?}");
    assert!(text.stdout.lines().all(|line| line.starts_with("ok ")), "{text:?}");
    assert_eq!(text.stderr, "");
    let json = check(http, &[&ANY_DISK[..], &["--format", "json"]].concat()).with_code(0).json();
    assert_eq!(json["status"], "ok");
    assert_eq!(item(&json, "money")["value"], 0.0);
    assert!(item(&json, "disk")["value"].as_f64().unwrap() > 0.0, "{json}");
    let nagios = check(http, &[&ANY_DISK[..], &["--format", "nagios"]].concat()).with_code(0);
    assert!(nagios.stdout.starts_with("SALDO OK - 9 items at 127.0.0.1:"), "{nagios:?}");
    assert!(nagios.stdout.lines().next().unwrap().contains(" index=1;1000000;3000000;0; "));
    let metrics = check(http, &[&ANY_DISK[..], &["--format", "prometheus"]].concat()).with_code(0);
    assert!(metrics.stdout.contains("saldo_check_status{item=\"ready\"} 0\n"), "{metrics:?}");
}

#[test]
fn check_ends_as_monitors_want_it() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let http = server.http.unwrap();
    // No disk is empty.
    check(http, &["--warn", "disk=100%", "--crit", "disk=off"]).with_code(1);
    let critical = check(http, &["--warn", "index=5,disk=off", "--crit", "disk=100%"]).with_code(2);
    assert!(critical.stdout.contains("\ncritical  disk "), "{critical:?}");
    assert_eq!(critical.stderr, "", "a monitor reads it on stdout");
    for wrong in [
        &["--warn", "p98=1s"][..],
        &["--crit", "p99=1"],
        &["--crit", "money=1"],
        &["--fly"],
        &["--format", "xml"],
        &["--http", "nowhere"],
    ] {
        let ended = Run::new(&[&["check"], wrong].concat()).end().with_code(3);
        assert!(ended.stderr.starts_with("error[usage]: "), "{ended:?}");
        assert!(ended.stdout.is_empty(), "{ended:?}");
    }
    server.shut_down().with_code(0);
    let away = check(http, &[]).with_code(2);
    assert!(away.stdout.starts_with("critical  reachable    no answer at "), "{away:?}");
    assert_eq!(away.stdout.matches("\nunknown ").count(), 8, "{away:?}");
}

#[test]
fn check_measures_commits_while_it_looks() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let http = server.http.unwrap().to_string();
    let flags = ["--crit", "p99=1us,disk=off", "--warn", "disk=off", "--format", "json"];
    let check = Run::new(&["check", "--over", "1s", "--http", &http]).and(&flags);
    // A commit that takes a microsecond there is not; one within the look there must be.
    let document = under_load(&server, || check.end().with_code(2).json());
    let p99 = item(&document, "p99");
    assert_eq!(p99["status"], "critical", "{document}");
    assert!(p99["text"].as_str().unwrap().contains("of commits in 1"), "{document}");
    assert!(item(&document, "sync")["value"].as_f64().unwrap() > 0.0, "{document}");
}

#[test]
fn check_over_a_server_that_is_not_well_says_what_it_is() {
    let page = "saldo_money_sum 5\nsaldo_index_lag_events 0\n# EOF\n";
    let lost = scripted(move |head| match head.contains("/readyz") {
        true => Some((503, r#"{"detail":"the server is shutting down"}"#.to_owned())),
        false => Some((200, page.to_owned())),
    });
    let ended = check(lost, &[]).with_code(2);
    assert!(ended.stdout.contains("critical  ready        the server is shutting down (503)\n"));
    assert!(ended.stdout.contains("critical  money        sums to 5, not to 0"), "{ended:?}");
    let silent = check(scripted(|_| None), &["--timeout", "100ms"]).with_code(2);
    assert!(silent.stdout.contains("no answer within 100ms"), "{silent:?}");
    let long = scripted(|_| Some((200, "#".repeat(2 << 20))));
    let ended = check(long, &[]).with_code(2);
    assert!(ended.stdout.contains("length limit exceeded"), "{ended:?}");
    let other = check(scripted(|_| Some((200, "<html>".to_owned()))), &[]).with_code(3);
    assert!(other.stdout.contains("it is no metric"), "{other:?}");
}

#[test]
fn check_shows_its_token_and_takes_none_that_others_may_read() {
    let guarded = scripted(|head| {
        let is_allowed = head.contains("\r\nauthorization: Bearer s3cret\r\n");
        let page = "saldo_money_sum 0\n# EOF\n".to_owned();
        Some(if is_allowed { (200, page) } else { (401, String::new()) })
    });
    let refused = check(guarded, &[]).with_code(3);
    assert!(refused.stdout.contains("not allowed (401)"), "{refused:?}");
    let folder = Folder::new();
    let token = folder.data().with_extension("token");
    fs::write(&token, "s3cret\n").unwrap();
    let with_file = |mode| {
        fs::set_permissions(&token, Permissions::from_mode(mode)).unwrap();
        let http = guarded.to_string();
        let run = Run::new(&["check", "--over", "50ms", "--http", &http]);
        run.env("SALDO_TOKEN_FILE", token.to_str().unwrap()).end()
    };
    with_file(0o600).with_code(0);
    let open = with_file(0o644).with_code(3);
    assert!(open.stderr.contains("others may read it (mode 0644)"), "{open:?}");
    assert!(!open.stderr.contains("s3cret"), "{open:?}");
    fs::remove_file(&token).unwrap();
}

#[test]
fn top_writes_a_row_for_each_interval_where_there_is_no_screen() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let http = server.http.unwrap().to_string();
    let flags = ["top", "--every", "200ms", "--count", "3", "--http", &http];
    let lines =
        under_load(&server, || Run::new(&flags).and(&["-o", "jsonl"]).end().with_code(0).stdout);
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3, "{lines}");
    for row in &rows {
        assert_eq!(row["schema"], "saldo.top/1");
        assert!(row["events_per_second"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["commit_p99_us"].as_f64().unwrap() > 0.0, "{row}");
        assert_eq!(row["money_sum"], 0.0, "{row}");
    }
    let tsv = Run::new(&flags).end().with_code(0);
    assert_eq!(tsv.stdout.lines().count(), 3, "{tsv:?}");
    assert!(tsv.stdout.lines().all(|line| line.split('\t').count() == 13), "{tsv:?}");
    server.shut_down().with_code(0);
    let away = Run::new(&flags).end().with_code(3);
    assert!(away.stderr.starts_with("error[unreachable]: no figures from 127.0.0.1:"), "{away:?}");
}

#[test]
fn top_loses_the_server_and_finds_it_again_and_says_so() {
    let folder = Folder::new();
    let ports = Ports::reserve(1);
    let http = format!("127.0.0.1:{}", ports.first());
    let server = Serve::on(&folder).flag("--http", &http).start();
    let mut command = Command::new(saldo());
    clean(&mut command);
    command.args(["top", "--every", "50ms", "-o", "tsv", "--http", &http]);
    let mut top = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut rows = BufReader::new(top.stdout.take().unwrap());
    let mut notes = BufReader::new(top.stderr.take().unwrap());
    let mut row = String::new();
    rows.read_line(&mut row).unwrap();
    assert!(row.contains('\t'), "{row}");
    server.crash();
    let mut note = String::new();
    notes.read_line(&mut note).unwrap();
    assert!(note.contains("asking again"), "{note}");
    let server = Serve::on(&folder).flag("--http", &http).start();
    note.clear();
    notes.read_line(&mut note).unwrap();
    assert!(note.contains("was started again"), "{note}");
    top.kill().unwrap();
    top.wait().unwrap();
    server.shut_down().with_code(0);
}

#[test]
fn top_on_a_terminal_shows_a_screen_and_gives_the_terminal_back() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let http = server.http.unwrap().to_string();
    for (keys, flags, code) in
        [("", "--count 2", 0), ("q", "", 0), ("?qq", "", 0), ("\u{3}", "", 130)]
    {
        let top = format!("{} top --http {http} --every 100ms {flags}", saldo().display());
        let shown = on_a_terminal(&top, keys);
        let (_, drawn) = shown.split_once("\u{1b}[?1049h").unwrap_or_else(|| panic!("{shown:?}"));
        let (drawn, after) = drawn.split_once("\u{1b}[?1049l").unwrap();
        assert!(drawn.contains("events/s") && drawn.contains("quit"), "{drawn:?}");
        assert!(after.contains(&format!("code={code}\r\n")), "{after:?}");
        let told = |name: &str| shown.lines().find_map(|line| Some(line.split_once(name)?.1));
        let (before, afterwards) = (told("was="), told("is="));
        assert!(before.is_some_and(|before| before.contains(':')), "{shown:?}");
        assert_eq!(before, afterwards);
    }
}

/// What a terminal of 80 columns and 24 rows was shown by a command, which gets `keys` once it shows
/// its own; its exit code, and the settings of the terminal before and afterwards, as well.
fn on_a_terminal(command: &str, keys: &str) -> String {
    let line = format!(
        "stty rows 24 cols 80; echo was=$(stty -g); {command}; echo code=$?; echo is=$(stty -g)"
    );
    let mut script = Command::new("script");
    clean(&mut script);
    script.env("TERM", "xterm").args(["-q", "-e", "-c", &line, "/dev/null"]);
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = script.stdin.take().unwrap();
    let mut stdout = script.stdout.take().unwrap();
    let shown = Arc::new(Mutex::new(Vec::new()));
    let into = shown.clone();
    let reading = thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stdout.read(&mut piece) {
            into.lock().unwrap().extend_from_slice(&piece[..count]);
        }
    });
    let so_far = || String::from_utf8_lossy(&shown.lock().unwrap()).into_owned();
    until("the keys on the screen", || so_far().contains("quit").then_some(()));
    // Where none are sent, the command may have ended by now.
    drop(stdin.write_all(keys.as_bytes()));
    until("the end of the screen", || script.try_wait().unwrap());
    reading.join().unwrap();
    so_far()
}

#[test]
fn top_ends_when_its_terminal_is_gone() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    // Ours alone: a program that inherited it would keep its own terminal alive.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let person = openpt(flags).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    // It is nobody's controlling terminal: no signal tells of its end.
    let program: OwnedFd = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let mut top = Command::new(saldo());
    clean(&mut top);
    // It draws seldom, so that it is told by the keys that are no more and not by a failed write.
    top.args(["top", "--every", "60s", "--http", &server.http.unwrap().to_string()]);
    top.env("TERM", "xterm");
    top.stdin(Stdio::from(program.try_clone().unwrap()));
    top.stdout(Stdio::from(program.try_clone().unwrap())).stderr(Stdio::from(program));
    let mut running = top.spawn().unwrap();
    drop(top);
    let mut person = File::from(person);
    let mut shown = [0; 64];
    assert!(person.read(&mut shown).unwrap() > 0, "the screen has begun");
    drop(person);
    let ended = until("the end of top", || running.try_wait().unwrap());
    assert!(ended.code().is_some(), "it ends by itself: {ended:?}");
}
