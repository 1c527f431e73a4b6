//! The READMEs, and what else the documents tell a newcomer to type, run as they stand: each command
//! in a shell, its output compared with what is written below it. How a block is read stands in
//! CONTRIBUTING.md.

use std::cell::Cell;
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::{Value, json};

use crate::golden::holds;
use crate::harness::{Ended, Folder, Run, Server, clean, end, repository, saldo};

/// A command of a document and the output that it promises.
struct Example {
    command: String,
    output: Vec<String>,
}

/// The fenced blocks of one language, in order.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if line == format!("```{language}") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n") + "\n");
        }
    }
    blocks
}

/// The commands of a document's `sh` blocks; a block without `$ ` is for reading.
fn examples(document: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for block in blocks(document, "sh") {
        let mut in_example = false;
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                in_example = true;
                examples.push(Example { command: command.to_owned(), output: Vec::new() });
            } else if in_example {
                examples.last_mut().unwrap().output.push(line.to_owned());
            }
        }
    }
    examples.retain(|example| !example.command.starts_with("alias "));
    examples
}

/// Whether lines are as promised: `…` stands for any text on a line, and alone for any lines.
fn fits(found: &[&str], promised: &[String]) -> bool {
    match promised.split_first() {
        None => found.is_empty(),
        Some((any, rest)) if any == "…" => {
            (0..=found.len()).any(|skip| fits(&found[skip..], rest))
        }
        Some((line, rest)) => match found.split_first() {
            Some((first, others)) => line_fits(first, line) && fits(others, rest),
            None => false,
        },
    }
}

fn line_fits(found: &str, promised: &str) -> bool {
    let Some((start, rest)) = promised.split_once('…') else { return found == promised };
    let Some(found) = found.strip_prefix(start) else { return false };
    (0..=found.len())
        .filter(|skip| found.is_char_boundary(*skip))
        .any(|skip| line_fits(&found[skip..], rest))
}

/// A shell in the folder around a bank, with `saldo` on its path. Each command goes to the next of
/// the bank's servers.
struct Shell<'f> {
    folder: &'f Folder,
    servers: &'f [Server],
    turn: Cell<usize>,
}

impl<'f> Shell<'f> {
    fn new(folder: &'f Folder, servers: &'f [Server]) -> Self {
        let bin = folder.around().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(saldo().canonicalize().unwrap(), bin.join("saldo")).unwrap();
        Self { folder, servers, turn: Cell::new(0) }
    }

    fn run(&self, command: &str) -> Ended {
        let server = &self.servers[self.turn.get() % self.servers.len()];
        self.turn.set(self.turn.get() + 1);
        let port = server.address.port();
        let command = command.replace("127.0.0.1 5000", &format!("127.0.0.1 {port}"));
        let command = match server.http {
            Some(http) => command.replace("127.0.0.1:5080", &http.to_string()),
            None => command,
        };
        let mut shell = Command::new("sh");
        clean(&mut shell);
        let bin = self.folder.around().join("bin").into_os_string().into_string().unwrap();
        shell
            .args(["-c", &command])
            .current_dir(self.folder.around())
            .env("PATH", format!("{bin}:{}", env::var("PATH").unwrap()))
            .env("SALDO_SERVER", server.address.to_string())
            .env("SALDO_OUTPUT", "table");
        end(&mut shell, b"")
    }
}

/// Runs every command of a README against one bank.
fn check_readme(name: &str, commands_at_least: usize) {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let all = |_: &str| true;
    let count = check_commands(name, &folder, std::slice::from_ref(&server), all);
    assert!(count >= commands_at_least, "{name}: {count} commands");
    server.shut_down().with_code(0);
}

/// The commands of a README that read files of the data folder: a bank over a database has none.
const OF_THE_FOLDER: [&str; 2] = ["grep . saldo-data/transactions.log ", "saldo verify saldo-data"];

/// Runs every command of a README that needs no data folder, in turn at each of these servers of one
/// bank.
pub fn check_readme_at(name: &str, servers: &[Server]) {
    let readme = fs::read_to_string(repository().join(name)).unwrap();
    for start in OF_THE_FOLDER {
        let of_it = examples(&readme).iter().filter(|one| one.command.starts_with(start)).count();
        assert_eq!(of_it, 1, "{name}: {start}");
    }
    let is_of_the_folder =
        |command: &str| OF_THE_FOLDER.iter().any(|start| command.starts_with(start));
    let folder = Folder::new();
    let count = check_commands(name, &folder, servers, |command| !is_of_the_folder(command));
    assert_eq!(count, examples(&readme).len() - OF_THE_FOLDER.len(), "{name}");
}

/// Runs the commands of a README that are `wanted`; their count.
fn check_commands(
    name: &str,
    folder: &Folder,
    servers: &[Server],
    wanted: impl Fn(&str) -> bool,
) -> usize {
    let readme = fs::read_to_string(repository().join(name)).unwrap();
    let shell = Shell::new(folder, servers);
    let programs = blocks(&readme, "python");
    assert_eq!(programs.len(), 1, "{name}: one Python client");
    let lines = programs[0].lines().filter(|line| !line.is_empty()).count();
    assert!(lines <= 10, "{name}: ten lines");
    fs::write(folder.around().join("bank.py"), &programs[0]).unwrap();
    let mut examples = examples(&readme);
    examples.retain(|example| wanted(&example.command));
    for Example { command, output } in &examples {
        let ended = shell.run(command).with_code(0);
        let found: Vec<&str> = ended.stdout.lines().collect();
        assert!(
            fits(&found, output),
            "{name}: $ {command}\nprinted\n{}\nand not\n{}\n{}",
            ended.stdout,
            output.join("\n"),
            ended.stderr
        );
    }
    examples.len()
}

#[test]
fn the_readme_runs_as_it_is_written() {
    check_readme("README.md", 10);
}

#[test]
fn the_portuguese_readme_runs_as_it_is_written() {
    check_readme("README.pt-BR.md", 10);
}

#[test]
fn promised_output_is_compared_to_the_letter_but_for_what_it_leaves_open() {
    let promised = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(fits(&["a", "b"], &promised(&["a", "b"])));
    assert!(!fits(&["a", "b"], &promised(&["a"])));
    assert!(!fits(&["a"], &promised(&["a", "b"])));
    assert!(!fits(&["a "], &promised(&["a"])));
    assert!(fits(&["id 7, ok"], &promised(&["id …, ok"])));
    assert!(!fits(&["id 7, no"], &promised(&["id …, ok"])));
    assert!(fits(&["a", "x", "y", "z"], &promised(&["a", "…", "z"])));
    assert!(fits(&["z"], &promised(&["…", "z"])));
    assert!(!fits(&["a", "x"], &promised(&["a", "…", "z"])));
}

#[test]
fn the_page_about_http_runs_as_it_is_written() {
    check_readme("docs/http.md", 6);
}

#[test]
fn the_python_client_of_the_page_about_http_works() {
    let page = fs::read_to_string(repository().join("docs/http.md")).unwrap();
    let folder = Folder::new();
    let server = Server::start(&folder);
    let program = blocks(&page, "python").remove(0);
    let program = program.replace("127.0.0.1:5080", &server.http.unwrap().to_string());
    // Run twice: the key makes it happen once.
    for _ in 0..2 {
        let ended = end(Command::new("python3").arg("-c").arg(&program), b"").with_code(0);
        assert_eq!(ended.stdout, "250000\n250000\n", "{ended:?}");
    }
}

/// A dialogue of the protocol page: what is said, and what comes back but for the tx_ids that the
/// server makes.
#[test]
fn the_dialogue_of_the_protocol_page_is_what_is_said() {
    let page = fs::read_to_string(repository().join("docs/protocol.md")).unwrap();
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut wire = server.connect();
    let (mut said, mut answered) = (0, 0);
    let mut reply = Value::Null;
    for line in page.lines() {
        if let Some(request) = line.strip_prefix("→ ") {
            reply = wire.ask(request);
            said += 1;
        } else if let Some(promised) = line.strip_prefix("← ") {
            let mut promised: Value = serde_json::from_str(promised).unwrap();
            if promised["tx_id"].as_str().is_some_and(|tx_id| tx_id.len() == 36) {
                promised["tx_id"] = reply["tx_id"].clone();
            }
            assert_eq!(reply, promised);
            answered += 1;
        }
    }
    assert!(said >= 3 && said == answered, "{said} lines said, {answered} answered");
}

#[test]
fn the_python_client_of_the_protocol_page_works() {
    let page = fs::read_to_string(repository().join("docs/protocol.md")).unwrap();
    let folder = Folder::new();
    let server = Server::start(&folder);
    let program = blocks(&page, "python").remove(0);
    let program = program.replace("5000", &server.address.port().to_string());
    let ended = end(Command::new("python3").arg("-c").arg(program), b"").with_code(0);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{ended:?}");
    assert!(lines[1].contains("'before': 100000, 'after': 99223"), "{ended:?}");
    assert!(lines[2].contains("'balance': 99223"), "{ended:?}");
}

/// The commands of the document that the project began with, and the replies that stand there.
fn seed() -> [(&'static [&'static str], Value); 4] {
    [
        (
            &["init", "init_accounts.json"],
            json!({"ok": true, "accounts": {"alice": 100_000, "bob": 50_000}}),
        ),
        (&["balance", "alice"], json!({"ok": true, "user": "alice", "balance": 100_000})),
        (&["deposit", "alice", "2500"], json!({"ok": true, "before": 100_000, "after": 102_500})),
        (
            &["transfer", "alice", "bob", "777"],
            json!({
                "ok": true,
                "from": {"user": "alice", "before": 102_500, "after": 101_723},
                "to": {"user": "bob", "before": 50_000, "after": 50_777},
            }),
        ),
    ]
}

#[test]
fn the_first_program_s_commands_work_as_verbs() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    fs::write(folder.around().join("init_accounts.json"), ACCOUNTS).unwrap();
    for (words, promised) in seed() {
        let arguments = [words, &["--json"]].concat();
        let ended = Run::new(&arguments).at(&server).within(folder.around()).end().with_code(0);
        assert!(holds(&ended.json(), &promised), "{words:?}: {ended:?}");
    }
}

const ACCOUNTS: &str = r#"{"alice": 100000, "bob": 50000}"#;

/// The first program's command line, in ten lines.
const CLIENT: &str = r#"
import json, socket, sys
host, port, verb, *words = sys.argv[1:]
request = {
    "init": lambda file: {"cmd": "init_accounts", "accounts": json.load(open(file))},
    "balance": lambda user: {"cmd": "balance", "user": user},
    "deposit": lambda user, amount: {"cmd": "deposit", "user": user, "amount": int(amount)},
    "transfer": lambda a, b, amount: {"cmd": "transfer", "from": a, "to": b, "amount": int(amount)},
}[verb](*words)
with socket.create_connection((host, int(port))) as bank:
    bank.sendall(json.dumps(request).encode() + b"\n"); print(bank.makefile().readline(), end="")
"#;

#[test]
fn the_first_program_s_commands_work_from_ten_lines_of_python() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    fs::write(folder.around().join("init_accounts.json"), ACCOUNTS).unwrap();
    let client = folder.around().join("client.py");
    fs::write(&client, CLIENT).unwrap();
    for (words, promised) in seed() {
        let port = server.address.port().to_string();
        let mut python = Command::new("python3");
        python.arg(&client).args(["127.0.0.1", &port]).args(words).current_dir(folder.around());
        let ended = end(&mut python, b"").with_code(0);
        assert!(holds(&ended.json(), &promised), "{words:?}: {ended:?}");
    }
}
