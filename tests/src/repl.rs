//! The prompt against a real bank: from a pipe, and on a terminal.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Ended, Folder, Run, Serve, Server, Terminal, clean, saldo};

/// A bank in which alice has 100000 and bob 50000.
fn bank(folder: &Folder) -> Server {
    let server = Server::start(folder);
    let line = r#"{"cmd":"init_accounts","accounts":{"alice":100000,"bob":50000},"tx_id":"open"}"#;
    assert_eq!(server.connect().ask(line)["seq"], 1);
    server
}

/// Gives these lines to the prompt.
fn lines(server: &Server, flags: &[&str], lines: &str) -> Ended {
    Run::new(&["repl"]).and(flags).at(server).stdin(lines).end()
}

#[test]
fn lines_from_a_pipe_do_what_the_command_line_does() {
    let folder = Folder::new();
    let server = bank(&folder);
    let script =
        "\n# rent\nsaldo transfer alice 'bob' 777 --tx-id \"t 1\"\nbalance alice bob -o table\n";
    let ended = lines(&server, &[], script).with_code(0);
    assert_eq!(
        ended.stdout,
        "alice\t100000\t99223\tbob\t50000\t50777\t2\tt 1\nalice  99223\nbob    50777\n"
    );
    assert_eq!(ended.stderr, "");
    // The last line needs no end, and \q is one before it.
    assert_eq!(lines(&server, &[], "balance bob -q").with_code(0).stdout, "50777\n");
    assert_eq!(lines(&server, &[], "\\q\ndeposit bob 1\n").with_code(0).stdout, "");
    assert_eq!(server.connect().balance("bob").0, 50_777);
}

#[test]
fn a_pipe_ends_at_the_first_line_that_fails_with_its_number_unless_it_is_to_go_on() {
    let folder = Folder::new();
    let server = bank(&folder);
    for (line, code, said) in [
        ("withdraw bob 999999", 1, "error[insufficient_funds]"),
        ("depositt bob 5", 2, "'deposit'"),
        ("deposit bob 12.50", 2, "write 1250 for 12.50"),
        ("deposit 'bob 5", 2, "the quotation mark ' is not closed"),
        ("\\nonsense", 2, "there is no command \\nonsense"),
        ("serve", 2, "serve is not for the prompt"),
        ("repl", 2, "repl is not for the prompt"),
        ("balance bob --server 127.0.0.1:1 --timeout 100ms", 3, "error[unreachable]"),
        ("\\raw {\"cmd\":\"fly\"}", 1, "error[unknown_cmd]"),
    ] {
        let before = server.connect().balance("alice").0;
        let script = format!("deposit alice 1\n{line}\ndeposit alice 10\n");
        let ended = lines(&server, &[], &script).with_code(code);
        assert!(ended.stderr.contains(said), "{line}: {}", ended.stderr);
        assert_eq!(server.connect().balance("alice").0, before + 1, "{line}");
        lines(&server, &["--keep-going"], &script).with_code(1);
        assert_eq!(server.connect().balance("alice").0, before + 1 + 11, "{line}");
    }
}

#[test]
fn the_prompt_s_own_commands_hold_for_the_lines_behind_them() {
    let folder = Folder::new();
    let server = bank(&folder);
    let ended = lines(&server, &[], "\\o json\nbalance bob\n\\o auto\nbalance bob\n").with_code(0);
    let mut answers = ended.stdout.lines();
    let reply: Value = serde_json::from_str(answers.next().unwrap()).unwrap();
    assert_eq!((&reply["ok"], &reply["balance"]), (&true.into(), &50_000.into()));
    assert_eq!(answers.next(), Some("bob\t50000"));
    let ended = lines(&server, &[], "\\o json\nwithdraw bob 999999\n").with_code(1);
    let error: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(error["code"], "insufficient_funds");
    let ended =
        lines(&server, &[], "\\timing on\nbalance bob\n\\timing\nbalance bob\n").with_code(0);
    assert_eq!(ended.stderr.matches(" ms\n").count(), 1, "{}", ended.stderr);
    let raw = r#"{"cmd":"balance","user":"bob"}"#;
    let ended = lines(&server, &[], &format!("\\raw {raw}\n")).with_code(0);
    assert_eq!(ended.json(), server.connect().ask(raw));
    let ended = lines(&server, &[], "help\n").with_code(0);
    assert!(ended.stdout.contains("transfer") && ended.stdout.contains("\\watch"), "{ended:?}");
}

#[test]
fn watching_shows_the_same_again_until_it_fails() {
    let folder = Folder::new();
    let server = bank(&folder);
    let mut command = Command::new(saldo());
    clean(&mut command);
    command.args(["repl", "--timeout", "300ms"]).env("SALDO_SERVER", server.address.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"\\watch 10ms balance bob\n").unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answer = || answers.next().unwrap().unwrap();
    assert_eq!((answer(), answer()), ("bob\t50000".to_owned(), "bob\t50000".to_owned()));
    assert_eq!(server.connect().ask(r#"{"cmd":"deposit","user":"bob","amount":1}"#)["ok"], true);
    while answer() != "bob\t50001" {}
    drop(server);
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn a_server_that_went_away_and_came_back_is_reached_by_the_next_line_which_says_so() {
    let folder = Folder::new();
    let server = bank(&folder);
    let address = server.address.to_string();
    let mut command = Command::new(saldo());
    clean(&mut command);
    command.args(["repl", "--keep-going", "--server", &address, "--timeout", "500ms"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    server.crash();
    input.write_all(b"balance bob\n").unwrap();
    let mut until = |text: &str| {
        let found = said.by_ref().find(|line| line.as_ref().unwrap().contains(text));
        assert!(found.is_some(), "never said: {text}");
    };
    until("error[unreachable]");
    until("note: the next line connects again");
    let _server = Serve::on(&folder).listen(&address).start();
    input.write_all(b"balance bob\n").unwrap();
    until(&format!("note: {address} answers again"));
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn on_a_terminal_words_are_completed_and_lines_are_kept_without_secrets() {
    let folder = Folder::new();
    let server = bank(&folder);
    let mut command = Command::new(saldo());
    clean(&mut command);
    command.arg("repl").env("SALDO_SERVER", server.address.to_string());
    // What is shown is compared: without colours it is what it says.
    command
        .env("NO_COLOR", "1")
        .env("XDG_STATE_HOME", folder.around())
        .env_remove("XDG_CONFIG_HOME");
    let mut terminal = Terminal::run(command);
    terminal.shows("saldo> ");
    // The verb, and the account that the server knows.
    terminal.types("bala\t");
    terminal.shows("balance ");
    terminal.types("al\t");
    terminal.shows("alice");
    terminal.types("\r");
    terminal.shows("alice  100000");
    terminal.shows("saldo> ");
    // Ctrl-C clears what was typed; the line behind it is whole.
    terminal.types("deposit alice 5\u{3}");
    terminal.shows("saldo> ");
    terminal.types("balanse alice\r");
    terminal.shows("a similar subcommand exists: 'balance'");
    terminal.shows("saldo> ");
    terminal.types("verify postgres://me:s3cret@127.0.0.1:1/b?nonsense=1\r");
    terminal.shows("error[");
    terminal.shows("saldo> ");
    terminal.types("\u{4}");
    assert_eq!(terminal.ends(), Some(0), "Ctrl-D leaves");
    assert_eq!(server.connect().balance("alice").0, 100_000, "nothing came of the cleared line");
    let history = folder.around().join("saldo/history");
    assert_eq!(fs::metadata(&history).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = fs::read_to_string(&history).unwrap();
    assert!(kept.lines().any(|line| line.trim_end() == "balance alice"), "{kept}");
    assert!(!kept.contains("s3cret"), "{kept}");
}
