//! The real binary behind its guards: access control and TLS, and the verbs that pass them.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Folder, Run, Serve, Server, run, saldo, until};

/// A folder with certificates and an access file that the server of the folder finds by itself.
struct Guarded {
    folder: Folder,
}

/// A token in a file of its own.
struct Token {
    id: String,
    file: String,
}

impl Guarded {
    fn new() -> Self {
        let guarded = Self { folder: Folder::new() };
        let out = guarded.path("tls");
        run(&["tls", "init", "--out", &out]).with_code(0);
        guarded
    }

    fn path(&self, name: &str) -> String {
        self.folder.around().join(name).display().to_string()
    }

    fn data(&self) -> String {
        self.folder.data().display().to_string()
    }

    fn token(&self, name: &str, grant: &[&str]) -> Token {
        let made = Run::new(&["token", "new", "--data", &self.data(), "--json"]).and(grant).end();
        let made = made.with_code(0).json();
        let secret = made["token"].as_str().or(made["secret"].as_str()).unwrap();
        let file = self.path(name);
        fs::write(&file, secret).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        Token { id: made["id"].as_str().unwrap().to_owned(), file }
    }

    fn serve(&self) -> Serve {
        Serve::on(&self.folder)
            .flag("--tls-cert", self.path("tls/server.pem"))
            .flag("--tls-key", self.path("tls/server.key"))
            .flag("--client-ca", self.path("tls/ca.pem"))
    }

    /// A verb that shows this token, by TLS.
    fn run(&self, server: &Server, token: &Token, words: &[&str]) -> Run {
        Run::new(words)
            .env("SALDO_SERVER", &format!("saldos://{}", server.address))
            .env("SALDO_CA", &self.path("tls/ca.pem"))
            .env("SALDO_TOKEN_FILE", &token.file)
    }
}

#[test]
fn verbs_pass_both_guards_and_a_role_ends_with_4_where_it_may_not() {
    let guarded = Guarded::new();
    let teller = guarded.token("teller", &["--role", "teller"]);
    let auditor = guarded.token("auditor", &["--role", "auditor"]);
    let server = guarded.serve().start();
    let done = guarded.run(&server, &teller, &["deposit", "alice", "2500", "--json"]).end();
    assert_eq!(done.with_code(0).json()["after"], 2500);
    let page = guarded.run(&server, &auditor, &["tx", "1", "--json"]).end().with_code(0).json();
    assert_eq!(page["transaction"]["by"], format!("token:{}", teller.id));
    let denied = guarded.run(&server, &auditor, &["deposit", "alice", "1"]).end().with_code(4);
    assert!(denied.stderr.starts_with("error[forbidden]: "), "{}", denied.stderr);
    let load = ["bench", "--conns", "4", "--depth", "16", "--secs", "1", "--accounts", "50"];
    guarded.run(&server, &teller, &load).end().with_code(0);
    guarded.run(&server, &auditor, &load).end().with_code(4);

    let unknown = Token { id: String::new(), file: guarded.path("unknown") };
    fs::write(&unknown.file, format!("saldo_abcdefgh_{}", "0".repeat(64))).unwrap();
    let open = guarded.run(&server, &unknown, &["totals"]).end().with_code(2);
    assert!(open.stderr.contains("others can read it"), "{}", open.stderr);
    fs::set_permissions(&unknown.file, Permissions::from_mode(0o600)).unwrap();
    let unknown = guarded.run(&server, &unknown, &["totals"]).end().with_code(4);
    assert!(unknown.stderr.starts_with("error[unauthenticated]: "), "{}", unknown.stderr);
    assert!(!unknown.stderr.contains("saldo_abc"), "{}", unknown.stderr);
    let stranger = guarded.run(&server, &teller, &["totals"]).env("SALDO_CA", "").end();
    assert_ne!(stranger.code, Some(0), "the system does not know this authority");
}

#[test]
fn a_revoked_token_is_refused_within_a_second_and_a_tail_that_has_it_ends() {
    let guarded = Guarded::new();
    let teller = guarded.token("teller", &["--role", "teller"]);
    let admin = guarded.token("admin", &["--role", "admin"]);
    let server = guarded.serve().start();
    let mut tail = Command::new(saldo());
    tail.args(["tx", "--tail", "--from", "1"])
        .env("SALDO_SERVER", format!("saldos://{}", server.address))
        .env("SALDO_CA", guarded.path("tls/ca.pem"))
        .env("SALDO_TOKEN_FILE", &teller.file);
    let mut tail = tail.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    for amount in ["5", "7"] {
        guarded.run(&server, &teller, &["deposit", "alice", amount]).end().with_code(0);
    }
    for seq in 1..=2 {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["seq"], seq);
    }
    run(&["token", "revoke", &teller.id, "--data", &guarded.data()]).with_code(0);
    assert_eq!(tail.wait().unwrap().code(), Some(4));
    assert!(lines.next().is_none());
    guarded.run(&server, &teller, &["totals"]).end().with_code(4);
    guarded.run(&server, &admin, &["shutdown"]).end().with_code(0);
    server.wait().with_code(0);
}

#[test]
fn a_tail_goes_on_over_a_killed_server_without_a_gap_and_ends_with_130() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let address = server.address.to_string();
    let mut tail = Command::new(saldo());
    tail.args(["tx", "--tail", "--from", "1", "--server", &address]);
    let mut tail = tail.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    server.connect().ask(r#"{"cmd":"deposit","user":"alice","amount":1}"#);
    assert_eq!(next()["seq"], 1);
    server.crash();
    let server = Serve::on(&folder).listen(&address).start();
    for seq in 2..=50 {
        server.connect().ask(r#"{"cmd":"deposit","user":"alice","amount":1}"#);
        assert_eq!(next()["seq"], seq);
    }
    let interrupted = Command::new("kill").args(["-INT", &tail.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    assert_eq!(tail.wait().unwrap().code(), Some(130));
}

/// Which files a start is given, and whether others can read them.
#[derive(Clone, Copy, Debug)]
struct Given {
    access: Option<u32>,
    key: Option<u32>,
}

#[test]
fn a_server_starts_only_where_its_guards_are_enough_for_its_address() {
    for near in [true, false] {
        for access in [None, Some(0o600), Some(0o644)] {
            for key in [None, Some(0o600), Some(0o640)] {
                let guarded = Guarded::new();
                let given = Given { access, key };
                if let Some(mode) = access {
                    guarded.token("teller", &["--role", "teller"]);
                    let file = PathBuf::from(guarded.data()).join("access.json");
                    fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
                }
                let mut serve = match key {
                    None => Serve::on(&guarded.folder),
                    Some(mode) => {
                        let file = guarded.path("tls/server.key");
                        fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
                        guarded.serve()
                    }
                };
                if !near {
                    serve = serve.listen("0.0.0.0:0");
                }
                let expected = match (given.access, given.key) {
                    (Some(0o644), _) | (_, Some(0o640)) => 2,
                    (Some(_), Some(_)) => 0,
                    _ if near => 0,
                    _ => 73,
                };
                let code = match serve.start_or_end() {
                    Ok(_server) => 0,
                    Err(ended) => ended.code.unwrap(),
                };
                assert_eq!(code, expected, "near: {near}, {given:?}");
            }
        }
    }
}

#[test]
fn a_new_certificate_is_served_without_a_new_start_and_a_bad_one_is_not() {
    let guarded = Guarded::new();
    let teller = guarded.token("teller", &["--role", "teller"]);
    let server = guarded.serve().start();
    let other = guarded.path("other");
    run(&["tls", "init", "--out", &other]).with_code(0);
    // Half of a pair is none, and the old one goes on.
    fs::copy(guarded.path("other/server.pem"), guarded.path("tls/server.pem")).unwrap();
    server.says("certificate_refused");
    guarded.run(&server, &teller, &["totals"]).end().with_code(0);
    fs::copy(guarded.path("other/server.key"), guarded.path("tls/server.key")).unwrap();
    server.signal("HUP");
    server.says("certificate_reloaded");
    let began = Instant::now();
    until("the new certificate", || {
        assert!(began.elapsed() < Duration::from_secs(60));
        let ca = guarded.path("other/ca.pem");
        let told = guarded.run(&server, &teller, &["totals"]).env("SALDO_CA", &ca).end();
        (told.code == Some(0)).then_some(())
    });
}
