//! The verbs against a real bank: what they print in each format, with which number they end, and
//! that the commands in their hints work when they are pasted.
//! Not here: `verify` and `inspect` (`proof`); servers that misbehave, which the crate of the
//! command line tests itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::harness::{Ended, Folder, Journal, Run, Server, clean, end, saldo};

/// A bank in which alice has 100000 and bob 50000.
fn bank(folder: &Folder) -> Server {
    let server = Server::start(folder);
    let line = r#"{"cmd":"init_accounts","accounts":{"alice":100000,"bob":50000},"tx_id":"open"}"#;
    assert_eq!(server.connect().ask(line)["seq"], 1);
    server
}

/// Runs a verb against this bank.
fn ask(server: &Server, arguments: &[&str]) -> Ended {
    Run::new(arguments).at(server).end()
}

/// Runs a command line in a shell that has `saldo`, against this bank.
fn paste(server: &Server, folder: &Folder, line: &str) -> Ended {
    let mut shell = Command::new("sh");
    clean(&mut shell);
    let saldo = saldo().canonicalize().unwrap().display().to_string();
    shell
        .args(["-c", &format!("saldo() {{ '{saldo}' \"$@\"; }}\n{line}")])
        .current_dir(folder.around())
        .env("SALDO_SERVER", server.address.to_string());
    end(&mut shell, b"")
}

/// The command that an error suggests.
fn hint(ended: &Ended) -> String {
    assert_eq!(ended.stdout, "", "{ended:?}");
    let hint = ended.stderr.lines().find_map(|line| line.strip_prefix("  hint: "));
    let hint = hint.unwrap_or_else(|| panic!("no hint: {ended:?}"));
    // A remark may stand behind it.
    hint.split("   (").next().unwrap().to_owned()
}

#[test]
fn every_verb_answers_in_every_format() {
    let folder = Folder::new();
    let server = bank(&folder);
    let cases: [(&[&str], &str, &str, &str); 5] = [
        (
            &["balance", "alice", "bob"],
            "alice  100000\nbob     50000\n",
            "alice\t100000\nbob\t50000\n",
            "100000\n50000\n",
        ),
        (
            &["deposit", "alice", "2500", "--tx-id", "d"],
            "alice  100000 → 102500\n",
            "alice\t100000\t102500\t2\td\n",
            "102500\n",
        ),
        (
            &["withdraw", "bob", "500", "--tx-id", "w"],
            "bob  50000 → 49500\n",
            "bob\t50000\t49500\t3\tw\n",
            "49500\n",
        ),
        (
            &["transfer", "alice", "bob", "777", "--tx-id", "t"],
            "alice  102500 → 101723\nbob     49500 →  50277\n",
            "alice\t102500\t101723\tbob\t49500\t50277\t4\tt\n",
            "101723\n50277\n",
        ),
        (
            &["init", "accounts.json", "--yes", "--tx-id", "i"],
            "carol  7\ndave   0\n",
            "carol\t7\ndave\t0\n",
            "7\n0\n",
        ),
    ];
    fs::write(folder.around().join("accounts.json"), r#"{"carol":7,"dave":0}"#).unwrap();
    for (words, table, tsv, bare) in cases {
        // The same tx_id again and again: the answer is the first one.
        let run = |more: &[&str]| {
            let arguments = [words, more].concat();
            Run::new(&arguments).at(&server).within(folder.around())
        };
        for (format, promised) in [("table", table), ("tsv", tsv)] {
            let ended = run(&["-o", format]).end().with_code(0);
            assert_eq!(ended.stdout, promised, "{words:?} {format}");
            let ended = run(&[]).env("SALDO_OUTPUT", format).end().with_code(0);
            assert_eq!(ended.stdout, promised, "{words:?} {format} by variable");
        }
        assert_eq!(run(&[]).end().with_code(0).stdout, tsv, "a pipe gets tsv");
        assert_eq!(run(&["-q"]).end().with_code(0).stdout, bare);
    }
    assert_eq!(Journal::read(&folder).last(), 5, "each happened once");
}

#[test]
fn json_is_the_server_s_own_reply() {
    let folder = Folder::new();
    let server = bank(&folder);
    let mut wire = server.connect();
    let cases: [(&[&str], &str); 5] = [
        (&["balance", "alice"], r#"{"cmd":"balance","user":"alice"}"#),
        (&["balance", "alice", "zed"], r#"{"cmd":"balance","users":["alice","zed"]}"#),
        (
            &["deposit", "josé", "5", "--tx-id", "d"],
            r#"{"cmd":"deposit","user":"josé","amount":5,"tx_id":"d"}"#,
        ),
        (
            &["withdraw", "alice", "5", "--tx-id", "w"],
            r#"{"cmd":"withdraw","user":"alice","amount":5,"tx_id":"w"}"#,
        ),
        (
            &["transfer", "alice", "bob", "5", "--tx-id", "t"],
            r#"{"cmd":"transfer","from":"alice","to":"bob","amount":5,"tx_id":"t"}"#,
        ),
    ];
    for (words, line) in cases {
        let before = wire.ask(r#"{"cmd":"balance","user":"alice"}"#)["as_of"].clone();
        let shown = ask(&server, &[words, &["--json"]].concat()).with_code(0);
        assert!(shown.stdout.ends_with("}\n") && shown.stdout.lines().count() == 1, "{shown:?}");
        let mut reply = wire.ask(line);
        if let Some(duplicate) = reply.as_object_mut().unwrap().remove("duplicate") {
            assert_eq!(duplicate, true);
        } else {
            assert_eq!(reply["as_of"], before, "nothing changed meanwhile");
        }
        assert_eq!(shown.json(), reply, "{words:?}");
    }
}

#[test]
fn a_refusal_ends_with_1_and_its_hint_helps_when_it_is_pasted() {
    let folder = Folder::new();
    let server = bank(&folder);
    for name in ["bob", "o'brien $HOME", "-rf", "josé"] {
        let opened = format!(r#"{{"cmd":"init_accounts","accounts":{{"{name}":4000}}}}"#);
        assert_eq!(server.connect().ask(&opened)["ok"], true);
        for verb in [&["transfer", "--tx-id"][..], &["withdraw", "--tx-id"]] {
            let to: &[&str] = if verb[0] == "transfer" { &["alice"] } else { &[] };
            let again = |tx_id: &str| {
                let words = [&verb[..2], &[tx_id, "--", name], to, &["5000"]].concat();
                ask(&server, &words)
            };
            let ended = again(&format!("first {} {name}", verb[0])).with_code(1);
            let head = format!("error[insufficient_funds]: account \"{name}\" holds ");
            assert!(ended.stderr.starts_with(&head), "{}", ended.stderr);
            paste(&server, &folder, &hint(&ended)).with_code(0);
            let ended = again(&format!("second {} {name}", verb[0])).with_code(0);
            assert!(ended.stdout.contains("\t0\t"), "exactly what was short: {ended:?}");
            let refill = format!(r#"{{"cmd":"init_accounts","accounts":{{"{name}":4000}}}}"#);
            assert_eq!(server.connect().ask(&refill)["ok"], true);
        }
    }
    for (words, code) in [
        (&["transfer", "alice", "alice", "1"][..], "same_account"),
        (&["deposit", "alice", "1", "--tx-id", "open"], "tx_id_reused"),
        (&["deposit", "alice", "9007199254740991"], "balance_out_of_range"),
    ] {
        let ended = ask(&server, words).with_code(1);
        assert!(ended.stderr.starts_with(&format!("error[{code}]: ")), "{}", ended.stderr);
        let ended = ask(&server, &[words, &["--json"]].concat()).with_code(1);
        let error: Value = serde_json::from_str(&ended.stderr).unwrap();
        assert_eq!((&error["ok"], &error["code"]), (&false.into(), &code.into()), "{error}");
    }
}

#[test]
fn what_is_typed_wrong_ends_with_2_and_reaches_no_bank() {
    let folder = Folder::new();
    let server = bank(&folder);
    fs::write(folder.around().join("bad.json"), r#"{"alice":12.5}"#).unwrap();
    for words in [
        &["deposit", "alice", "12.50"][..],
        &["deposit", "alice", "-5"],
        &["deposit", "alice", "0"],
        &["deposit", "alice"],
        &["deposit", "", "5"],
        &["deposit", "@world", "5"],
        &["deposit", "alice", "5", "--timeout", "5"],
        &["deposit", "alice", "5", "--server", "nowhere"],
        &["deposit", "alice", "5", "-o", "xml"],
        &["depositt", "alice", "5"],
        &["init", "bad.json"],
        &["init", "missing.json"],
        &["help", "nothing"],
        &["verify", "missing"],
    ] {
        let ended = Run::new(words).at(&server).within(folder.around()).end().with_code(2);
        assert_eq!(ended.stdout, "", "{words:?}");
        assert!(ended.stderr.starts_with("error["), "{words:?}: {}", ended.stderr);
    }
    assert_eq!(Journal::read(&folder).last(), 1);
    let ended = ask(&server, &["deposit", "alice", "12.50"]);
    assert_eq!(hint(&ended), "write 1250 for 12.50");
}

#[test]
fn a_server_that_is_not_there_ends_with_3_and_its_address_with_its_origin() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for verb in [&["balance", "alice"][..], &["deposit", "alice", "5"], &["shutdown"], &["bench"]] {
        let ended = Run::new(verb).env("SALDO_SERVER", &nobody).end().with_code(3);
        let head = format!("error[unreachable]: no answer at {nobody} (from SALDO_SERVER): ");
        assert!(ended.stderr.starts_with(&head), "{}", ended.stderr);
        assert!(hint(&ended).contains("saldo serve"), "{}", ended.stderr);
    }
}

/// A server that takes a connection, reads a line, does `then` with it, and never answers.
fn silent(then: impl Fn(String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut line = String::new();
            let mut stream = BufReader::new(stream.unwrap());
            stream.read_line(&mut line).unwrap();
            then(line);
            // Holds the connection until the client has had enough.
            drop(stream.read_to_string(&mut String::new()));
        }
    });
    address
}

#[test]
fn a_lost_answer_ends_with_5_and_the_command_that_settles_it_does_so_once() {
    let folder = Folder::new();
    let server = bank(&folder);
    let address = server.address;
    // One loses the request, the other only the answer.
    let deaf = silent(|_| {});
    let mute = silent(move |line| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(line.as_bytes()).unwrap();
        BufReader::new(stream).read_line(&mut String::new()).unwrap();
    });
    for (lossy, happened) in [(deaf, false), (mute, true)] {
        for words in [&["deposit", "alice", "5"][..], &["transfer", "alice", "bob", "5"]] {
            let before = server.connect().balance("alice").0;
            let ended = Run::new(words)
                .and(&["--timeout", "300ms"])
                .env("SALDO_SERVER", &lossy)
                .end()
                .with_code(5);
            let said = "was sent and no answer came within 300ms; it may have happened";
            assert!(ended.stderr.starts_with("error[outcome_unknown]: the "), "{}", ended.stderr);
            assert!(ended.stderr.contains(said), "{}", ended.stderr);
            let command = hint(&ended);
            let settled = paste(&server, &folder, &command).with_code(0);
            assert_eq!(settled.stderr.contains("had happened before"), happened, "{settled:?}");
            let again = paste(&server, &folder, &command).with_code(0);
            assert_eq!(again.stdout, settled.stdout, "the first answer again");
            assert!(again.stderr.contains("had happened before"), "{again:?}");
            let moved = if words[0] == "deposit" { 5 } else { -5 };
            assert_eq!(server.connect().balance("alice").0, before + moved, "once");
        }
    }
}

#[test]
fn a_shutdown_stops_the_server_and_says_so() {
    let folder = Folder::new();
    let server = bank(&folder);
    let ended = ask(&server, &["shutdown", "-o", "table"]).with_code(0);
    assert_eq!(ended.stdout, "shutting down\n");
    server.wait().with_code(0);
}

#[test]
fn a_second_init_of_the_same_accounts_wants_a_yes() {
    let folder = Folder::new();
    let server = bank(&folder);
    let ended =
        Run::new(&["init", "-"]).at(&server).stdin(r#"{"alice":1,"carol":2}"#).end().with_code(2);
    assert!(ended.stderr.contains("account \"alice\" exists and holds 100000"), "{}", ended.stderr);
    assert_eq!(server.connect().balance("alice").0, 100_000);
    fs::write(folder.around().join("a.json"), r#"{"alice":1,"carol":2}"#).unwrap();
    let asked = paste(&server, &folder, "saldo init a.json").with_code(2);
    let ended = paste(&server, &folder, &hint(&asked)).with_code(0);
    assert_eq!(ended.stdout, "alice\t1\ncarol\t2\n");
}

#[test]
fn a_file_too_large_for_one_line_is_set_in_pieces_and_that_is_said() {
    let folder = Folder::new();
    let server = bank(&folder);
    let accounts: Vec<String> =
        (0..60_000).map(|number| format!("\"account-{number:05}\":{number}")).collect();
    let file = folder.around().join("many.json");
    fs::write(&file, format!("{{{}}}", accounts.join(","))).unwrap();
    let ended = ask(&server, &["init", &file.display().to_string()]).with_code(0);
    assert!(ended.stderr.contains("too large for one request"), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 60_000);
    assert_eq!(ended.stdout.lines().last(), Some("account-59999\t59999"));
    let mut wire = server.connect();
    for number in [0, 1, 29_999, 59_999] {
        assert_eq!(wire.balance(&format!("account-{number:05}")).0, number);
    }
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let folder = Folder::new();
    let server = bank(&folder);
    let mut verbs = vec![vec!["balance", "alice"], vec!["help"], vec!["help", "formats"]];
    let data = folder.data().display().to_string();
    verbs.extend([vec!["verify", &data], vec!["inspect", &data]]);
    for verb in verbs {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut command = Command::new(saldo());
        clean(&mut command);
        command.args(&verb).env("SALDO_SERVER", server.address.to_string());
        let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{verb:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{verb:?}: {output:?}");
    }
}

#[test]
fn help_answers_for_every_verb_and_topic() {
    let overview = Run::new(&["help"]).end().with_code(0).stdout;
    let listed = |line: &str| {
        // Further in stands the rest of a long line.
        let line = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?;
        let name = line.split_whitespace().next()?;
        name.chars().all(|letter| letter.is_ascii_lowercase()).then(|| name.to_owned())
    };
    let verbs: Vec<String> = overview.lines().filter_map(listed).collect();
    for verb in ["serve", "init", "transfer", "verify", "inspect", "bench", "shutdown"] {
        assert!(verbs.iter().any(|listed| listed == verb), "{verb} is not in {overview}");
    }
    for verb in &verbs {
        let help = Run::new(&["help", verb]).end().with_code(0);
        if *verb != "help" {
            assert!(help.stdout.contains(&format!("Usage: saldo {verb}")), "{help:?}");
        }
        assert_eq!(help.stderr, "");
    }
    for topic in ["exit-codes", "environment", "config", "formats", "examples"] {
        assert!(overview.contains(&format!("help {topic}")), "{overview}");
        let help = Run::new(&["help", topic]).end().with_code(0);
        assert!(help.stdout.lines().count() > 5, "{help:?}");
    }
    Run::new(&[]).end().with_code(2);
}

#[test]
fn the_examples_in_the_help_of_the_money_verbs_work() {
    for verb in ["init", "balance", "deposit", "withdraw", "transfer"] {
        let help = Run::new(&[verb, "--help"]).end().with_code(0).stdout;
        let (_, examples) = help.rsplit_once("Examples:\n").unwrap();
        let examples: Vec<&str> = examples.lines().map(str::trim).collect();
        assert_eq!(examples.len(), 2, "{examples:?}");
        for example in examples {
            let folder = Folder::new();
            let server = Server::start(&folder);
            let accounts = r#"{"alice":100000,"bob":50000}"#;
            fs::write(folder.around().join("accounts.json"), accounts).unwrap();
            if verb != "init" {
                paste(&server, &folder, "saldo init accounts.json").with_code(0);
            }
            let ended = paste(&server, &folder, example).with_code(0);
            assert!(!ended.stdout.is_empty(), "{example}");
        }
    }
}
