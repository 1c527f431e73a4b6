//! `token`, `user` and `tls`: on files, without any server.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Ran, ran, saldo};

/// A data folder that is not there yet, and the words that name it.
struct Place {
    _around: TempDir,
    data: String,
}

impl Place {
    fn new() -> Self {
        let around = tempfile::tempdir().unwrap();
        let data = around.path().join("data").to_str().unwrap().to_owned();
        Self { _around: around, data }
    }

    fn run(&self, words: &[&str]) -> Ran {
        ran(saldo(words).env("SALDO_DATA", &self.data).output().unwrap())
    }

    fn run_with(&self, words: &[&str], input: &str) -> Ran {
        let command = &mut saldo(words);
        command.env("SALDO_DATA", &self.data).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        ran(child.wait_with_output().unwrap())
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(Path::new(&self.data).join(name)).unwrap()
    }

    fn items(&self, words: &[&str]) -> Vec<Value> {
        let ran = self.run(words);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_token_is_alone_on_stdout_and_told_to_be_shown_once() {
    let place = Place::new();
    let first = place.run(&["token", "new", "--role", "teller"]);
    assert_eq!(first.code, 0, "{}", first.err);
    let secret = first.out.strip_suffix('\n').unwrap();
    let [prefix, id, hidden] = secret.split('_').collect::<Vec<_>>()[..] else {
        panic!("{secret}")
    };
    assert_eq!((prefix, hidden.len()), ("saldo", 64));
    let notes: Vec<&str> = first.err.lines().collect();
    assert!(notes[0].starts_with("note: this is shown once: "), "{}", first.err);
    assert!(notes[0].ends_with(&format!("saldo token revoke {id} ends it")), "{}", first.err);
    assert!(notes[1].contains("access.json is new: from its next start on"), "{}", first.err);
    assert_eq!(mode(&place.data), 0o700);
    for name in ["access.json", "audit.log"] {
        assert_eq!(mode(Path::new(&place.data).join(name)), 0o600, "{name}");
        assert!(!place.file(name).contains(hidden), "{name}");
    }
    let second = place.run(&["token", "new", "--role", "auditor", "-q"]);
    assert_eq!(second.err.lines().count(), 1, "the file is no longer new: {}", second.err);
    let third = place.run(&["token", "new", "--role", "admin", "--json"]);
    let document: Value = serde_json::from_str(&third.out).unwrap();
    assert_eq!(
        (&document["schema"], &document["role"]),
        (&"saldo.token/1".into(), &"admin".into())
    );
    let principal = format!("token:{}", document["id"].as_str().unwrap());
    assert_eq!(document["principal"], principal);
    assert!(third.err.is_empty(), "what JSON was asked for holds all there is: {}", third.err);
}

#[test]
fn every_list_has_every_format_and_no_secret() {
    let place = Place::new();
    let made = place.run(&[
        "token",
        "new",
        "--role",
        "customer",
        "--account",
        "alice",
        "--account",
        "bob",
        "--limit",
        "100",
        "--day-limit",
        "500",
        "--expires",
        "2100-01-01T00:00:00Z",
        "--note",
        "till 3",
    ]);
    let (secret, id) = (made.out.trim_end(), made.out.split('_').nth(1).unwrap());
    place.run(&["token", "certificate", "Shop.example", "--role", "teller"]);
    let [token, certificate] = &place.items(&["token", "list", "-o", "jsonl"])[..] else {
        panic!()
    };
    assert_eq!(token["accounts"], serde_json::json!(["alice", "bob"]));
    assert_eq!((&token["limit"], &token["day_limit"]), (&100.into(), &500.into()));
    assert_eq!((&token["standing"], &token["note"]), (&"active".into(), &"till 3".into()));
    assert_eq!(certificate["certificate"], "shop.example");
    let shown = |format: &str| place.run(&["token", "list", "--utc", "-o", format]).out;
    let tsv = shown("tsv");
    let row: Vec<&str> = tsv.lines().next().unwrap().split('\t').collect();
    assert_eq!(row[..8], [id, "token", "", "customer", "active", "alice,bob", "100", "500"]);
    assert_eq!(row[9..], ["2100-01-01T00:00:00.000000Z", "", "till 3"]);
    assert!(shown("csv").starts_with(
        "id,kind,name,role,standing,accounts,limit,day limit,created,expires,ended,note\n"
    ));
    let table = shown("table");
    assert!(table.starts_with("id        kind         name"), "{table}");
    assert!(table.contains("2100-01-01 00:00:00Z") && table.lines().count() == 3, "{table}");
    assert!(shown("json").starts_with("{\"schema\":\"saldo.tokens/1\",\"items\":[{"));
    assert_eq!(place.run(&["token", "list", "-q"]).out.lines().next(), Some(id));
    for format in ["tsv", "csv", "table", "json", "jsonl"] {
        assert!(!shown(format).contains(secret), "{format}");
    }
}

#[test]
fn a_token_is_revoked_once() {
    let place = Place::new();
    let made = place.run(&["token", "new", "--role", "teller"]);
    let id = made.out.split('_').nth(1).unwrap();
    place.run(&["token", "revoke", id]).assert_done(&format!("token:{id}\trevoked\n"));
    assert_eq!(place.items(&["token", "list", "-o", "jsonl"])[0]["standing"], "ended");
    let again = place.run(&["token", "revoke", id]);
    again.assert_failed(1, &format!("error[ended]: token:{id} has ended already\n"));
    place.run(&["token", "revoke", "x"]).assert_failed(
        1,
        "error[unknown]: there is no token:x\n  hint: saldo token list, saldo user list\n",
    );
    let log = place.file("audit.log");
    let whats: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["what"].take())
        .collect();
    assert_eq!(whats, ["token new", "token revoke"]);
    assert!(log.contains("\"who\":\"uid:") && log.contains("\"from\":\"command line\""));
}

#[test]
fn what_makes_no_sense_is_told_and_makes_no_file() {
    let place = Place::new();
    let new = ["token", "new", "--role"];
    for (words, code, begins) in [
        (&["customer"][..], 2, "error[usage]: a customer needs at least one account\n  hint: "),
        (
            &["teller", "--account", "a"],
            2,
            "error[usage]: the role teller is not bound to accounts\n",
        ),
        (&["auditor", "--limit", "5"], 2, "error[usage]: the role auditor moves no money"),
        (&["teller", "--limit", "1.50"], 2, "error[invalid_amount]: amount \"1.50\" is no whole"),
        (&["teller", "--expires", "soon"], 2, "error[usage]: --expires \"soon\": it is no time\n"),
        (
            &["teller", "--expires", "2020-01-01T00:00:00Z"],
            2,
            "error[usage]: it would expire in the",
        ),
        (&["customer", "--account", "@world"], 2, "error[usage]: \"@world\": account names that"),
        (&["king"], 2, "error[usage]: invalid value 'king'"),
    ] {
        let failed = place.run(&[&new[..], words].concat());
        assert_eq!((failed.code, failed.out.as_str()), (code, ""), "{words:?}: {}", failed.err);
        assert!(failed.err.starts_with(begins), "{words:?}: {}", failed.err);
        assert!(!Path::new(&place.data).join("access.json").exists(), "{words:?}");
    }
    let off = place.run(&["token", "list"]);
    assert_eq!(off.code, 2);
    assert!(off.err.starts_with("error[no_access_file]: there is no "), "{}", off.err);
    let database = place.run(&["token", "list", "--data", "postgres://a@b/c"]);
    assert_eq!(database.code, 2);
    assert!(database.err.contains("--access FILE"), "{}", database.err);
}

#[test]
fn a_file_that_others_can_read_is_not_touched() {
    let place = Place::new();
    place.run(&["token", "new", "--role", "teller"]);
    let path = Path::new(&place.data).join("access.json");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let refused = place.run(&["token", "list"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("has mode 0644; others can read it\n  hint: chmod 600 "),
        "{}",
        refused.err
    );
    let elsewhere = place.run(&["token", "list", "--access", "/nowhere/access.json"]);
    assert_eq!(elsewhere.code, 2);
}

#[test]
fn a_folder_that_holds_something_else_gets_no_access_file() {
    let place = Place::new();
    fs::create_dir(&place.data).unwrap();
    fs::write(Path::new(&place.data).join("letter.txt"), "dear").unwrap();
    let refused = place.run(&["token", "new", "--role", "teller"]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("letter.txt"), "{}", refused.err);
}

#[test]
fn a_user_lives_from_add_to_remove() {
    let place = Place::new();
    let words = ["user", "add", "ana", "--role", "admin"];
    let short = place.run_with(&words, "elevenbytes\n");
    short.assert_failed(2, "error[usage]: a password has 12 to 1024 bytes, this one has 11\n");
    let none = place.run_with(&words, "");
    assert!(none.err.starts_with("error[usage]: there is no password\n"), "{}", none.err);
    let added = place.run_with(&words, "correct horse battery\n");
    assert_eq!((added.code, added.out.as_str()), (0, "user:ana\tadded\n"), "{}", added.err);
    assert!(!place.file("access.json").contains("horse"));
    assert!(place.file("access.json").contains("$argon2id$v=19$m=19456,t=2,p=1$"));
    let twice = place.run_with(&words, "correct horse battery\n");
    twice.assert_failed(1, "error[taken]: user:ana exists already\n");

    let secret = Path::new(&place.data).join("ana.password");
    fs::write(&secret, "another fine password\n").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    let passwd = ["user", "passwd", "ana", "--password-file", secret.to_str().unwrap()];
    assert!(place.run(&passwd).err.contains("others can read it"));
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let before = place.file("access.json");
    place.run(&passwd).assert_done("user:ana\tpassword set\n");
    assert_ne!(before, place.file("access.json"));

    assert_eq!(place.items(&["user", "list", "-o", "jsonl"])[0]["standing"], "active");
    assert!(place.items(&["token", "list", "-o", "jsonl"]).is_empty(), "users are no tokens");
    place.run(&["user", "disable", "ana"]).assert_done("user:ana\tdisabled\n");
    assert_eq!(place.items(&["user", "list", "-o", "jsonl"])[0]["standing"], "ended");
    place.run(&["user", "remove", "ana"]).assert_done("user:ana\tremoved\n");
    assert!(place.items(&["user", "list", "-o", "jsonl"]).is_empty());
    assert_eq!(place.run(&["user", "remove", "ana"]).code, 1);
}

/// Types at a terminal that Python plays: waits for each prompt, answers it, and tells what the
/// screen showed and what the process ended with.
const TERMINAL: &str = r#"
import os, pty, signal, sys
# A program that waits for ever fails the test.
signal.alarm(60)
answers = [bytes(word, "utf8").decode("unicode_escape").encode() for word in sys.argv[1].split("|")]
child, screen = pty.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
shown = b""
asked = 0
while True:
    try:
        some = os.read(screen, 1024)
    except OSError:
        break
    if not some:
        break
    shown += some
    prompts = shown.count(b"password for ana: ") + shown.count(b"the same again: ")
    while asked < prompts and asked < len(answers):
        os.write(screen, answers[asked])
        asked += 1
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), repr(shown.decode()))
"#;

fn typed(place: &Place, answers: &str) -> Ran {
    let mut command = std::process::Command::new("python3");
    command.env_clear().env("SALDO_DATA", &place.data).env("PATH", "/usr/bin:/bin");
    command.args(["-c", TERMINAL, answers, env!("CARGO_BIN_EXE_saldo")]);
    command.args(["user", "add", "ana", "--role", "admin"]);
    ran(command.output().unwrap())
}

#[test]
fn a_password_that_is_typed_is_not_shown_and_ctrl_c_changes_nothing() {
    let place = Place::new();
    let stopped = typed(&place, r"correct hor\x03");
    assert!(stopped.out.starts_with("130 "), "{} {}", stopped.out, stopped.err);
    assert!(stopped.out.contains("nothing was changed"), "{}", stopped.out);
    let differ = typed(&place, r"correct horse battery\n|correct horse cattery\n");
    assert!(differ.out.starts_with("2 ") && differ.out.contains("differ"), "{}", differ.out);
    assert!(!Path::new(&place.data).join("access.json").exists());
    let added = typed(&place, r"correct horse battery\n|correct horse battery\n");
    assert!(added.out.starts_with("0 ") && added.out.contains("user:ana  added"), "{}", added.out);
    for ran in [stopped, differ, added] {
        assert!(!ran.out.contains("horse") && !ran.out.contains("hor"), "{}", ran.out);
    }
}

#[test]
fn certificates_for_development_are_made_once_and_their_keys_are_private() {
    let place = Place::new();
    let out = Path::new(&place.data).join("tls");
    let words = ["tls", "init", "--out", out.to_str().unwrap(), "--host", "bank.example"];
    let made = place.run(&words);
    assert_eq!(made.code, 0, "{}", made.err);
    let rows: Vec<Vec<&str>> = made.out.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), 6);
    for name in ["ca", "server", "client"] {
        let (key, pem) = (out.join(format!("{name}.key")), out.join(format!("{name}.pem")));
        assert_eq!((mode(&key), mode(&pem)), (0o600, 0o644), "{name}");
        assert!(fs::read_to_string(key).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
        assert!(fs::read_to_string(pem).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    }
    assert!(
        made.err.contains("note: saldo serve --tls-cert ") && made.err.contains(" --client-ca ")
    );
    assert!(made.err.contains("note: export SALDO_CA="), "{}", made.err);
    let before = fs::read(out.join("ca.key")).unwrap();
    let again = place.run(&words);
    assert_eq!((again.code, again.out.as_str()), (1, ""));
    assert!(again.err.contains(" is there already\n"), "{}", again.err);
    assert_eq!(before, fs::read(out.join("ca.key")).unwrap());
    for host in ["bank.example:5000", "", "a b", "https://bank.example"] {
        let refused = place.run(&["tls", "init", "--out", "x", "--host", host]);
        assert_eq!(refused.code, 2, "{host}");
    }
}
