//! `saldo doctor`: of a folder that is well, beside a server, and of what is not well.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Ended, Folder, Server, run};

/// Looks at this folder, and at ports that nobody has.
fn doctor(folder: &Folder, more: &[&str]) -> Ended {
    let data = folder.data().display().to_string();
    let free = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let ports = if more.contains(&"--listen") { &free[2..] } else { &free[..] };
    run(&[&["doctor", "--json", "--data", &data], ports, more].concat())
}

/// How an item was found, and its advice.
fn found(ended: &Ended, item: &str) -> (String, Value) {
    let document = ended.json();
    assert_eq!(document["schema"], "saldo.doctor/1");
    let findings = document["findings"].as_array().unwrap().clone();
    let finding = findings.into_iter().find(|finding| finding["item"] == item);
    let finding = finding.unwrap_or_else(|| panic!("no {item}: {document}"));
    (finding["state"].as_str().unwrap().to_owned(), finding["advice"].clone())
}

#[test]
fn a_folder_that_is_well_is_left_as_it_was_there_or_not_served_or_not() {
    let folder = Folder::new();
    doctor(&folder, &[]).with_code(0);
    assert!(!folder.data().exists());
    let server = Server::start(&folder);
    let reply = server.connect().ask(r#"{"cmd":"deposit","user":"alice","amount":1}"#);
    assert_eq!(reply["ok"], true, "{reply}");
    let address = server.address.to_string();
    let ended = doctor(&folder, &["--listen", &address]).with_code(0);
    for item in ["lock", "journal", "clock", "permissions", "clients"] {
        assert_eq!(found(&ended, item).0, "ok", "{item}: {ended:?}");
    }
    assert!(ended.stdout.contains("up to seq 1,"), "{ended:?}");
    server.shut_down().with_code(0);
    let before = folder.image();
    doctor(&folder, &[]).with_code(0);
    assert!(folder.image() == before);
}

#[test]
fn what_is_not_well_is_told_with_advice() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    (0..9).for_each(|_| {
        server.connect().ask(r#"{"cmd":"deposit","user":"alice","amount":1}"#);
    });
    server.shut_down().with_code(0);
    fs::set_permissions(folder.data(), Permissions::from_mode(0o755)).unwrap();
    let (state, advice) = found(&doctor(&folder, &[]).with_code(0), "permissions");
    assert_eq!(state, "warn");
    assert!(advice.as_str().unwrap().starts_with("chmod 700 "), "{advice}");

    let token = folder.around().join("token");
    fs::write(&token, "secret").unwrap();
    fs::set_permissions(&token, Permissions::from_mode(0o644)).unwrap();
    let token = token.display().to_string();
    let ended = doctor(&folder, &["--token-file", &token]).with_code(1);
    assert_eq!(found(&ended, "token").0, "fail");
    assert!(ended.stderr.contains("doctor_failed"), "{ended:?}");

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || drop(other.accept().unwrap()));
    let ended = doctor(&folder, &["--listen", &address]).with_code(1);
    answering.join().unwrap();
    assert_eq!(found(&ended, "clients").0, "fail");

    let mut log = folder.bytes("transactions.log");
    let place = log.len() / 3;
    log[place] ^= 1;
    folder.write("transactions.log", &log);
    let ended = doctor(&folder, &[]).with_code(1);
    assert_eq!(found(&ended, "journal").0, "fail");

    let table = run(&["doctor", "-o", "table", "--data", &folder.data().display().to_string()]);
    assert!(table.stdout.contains("[fail]") && table.stdout.contains("→ "), "{table:?}");
}
