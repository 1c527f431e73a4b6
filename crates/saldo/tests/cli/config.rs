//! Settings from flags, variables and files: which one counts, where it is said to come from, and what
//! is said about a wrong one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Ran, ran, saldo};

/// A person's home with a file of settings in it.
struct Home {
    folder: TempDir,
}

impl Home {
    fn with(text: &str) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(home.folder.path().join("saldo")).unwrap();
        fs::write(home.own(), text).unwrap();
        home
    }

    /// The person's file.
    fn own(&self) -> PathBuf {
        self.folder.path().join("saldo/config.toml")
    }

    /// Another file, with this in it.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = saldo(words);
        command.env("XDG_CONFIG_HOME", self.folder.path());
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        ran(self.command(words).output().unwrap())
    }
}

/// What `config show --origin` says about a key: its value and where that came from.
fn shown(command: &mut Command, key: &str) -> (String, String) {
    let ran = ran(command.args(["config", "show", key, "--origin"]).output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let columns: Vec<&str> = ran.out.trim_end().split('\t').collect();
    assert_eq!(columns[0], key);
    (columns[1].to_owned(), columns[2].to_owned())
}

fn at(path: &Path, line: usize) -> String {
    format!("from {}:{line}", path.display())
}

#[test]
fn a_key_takes_the_first_of_variable_named_file_own_file_and_default() {
    let home = Home::with("\nlisten = \"127.0.0.1:3\"\n");
    let of = |value: &str, origin: String| (value.to_owned(), origin);
    assert_eq!(shown(&mut saldo(&[]), "listen"), of("127.0.0.1:5000", "the default".to_owned()));
    let own = at(&home.own(), 2);
    assert_eq!(shown(&mut home.command(&[]), "listen"), of("127.0.0.1:3", own));
    let named = home.file("named.toml", "listen = \"127.0.0.1:4\"");
    let flag = ["--config", &named.display().to_string()];
    let named_by = |command: &mut Command| shown(command, "listen");
    assert_eq!(named_by(&mut home.command(&flag)), of("127.0.0.1:4", at(&named, 1)));
    let by_variable = &mut home.command(&[]);
    by_variable.env("SALDO_CONFIG", &named);
    assert_eq!(named_by(by_variable), of("127.0.0.1:4", at(&named, 1)));
    let by_variable = &mut home.command(&[]);
    by_variable.env("SALDO_CONFIG", &named).env("SALDO_LISTEN", "127.0.0.1:5");
    assert_eq!(named_by(by_variable), of("127.0.0.1:5", "from SALDO_LISTEN".to_owned()));
    let empty = &mut home.command(&[]);
    empty.env("SALDO_CONFIG", "").env("SALDO_LISTEN", "");
    assert_eq!(named_by(empty).0, "127.0.0.1:3", "an empty variable is none");
}

#[test]
fn a_server_is_looked_for_where_a_file_says_and_the_file_is_named() {
    let home = Home::with("timeout = \"2s\"\nserver = \"127.0.0.1:1\"\n");
    let place = format!("{}:2", home.own().display());
    let said = format!("error[unreachable]: no answer at 127.0.0.1:1 (from {place}): ");
    let ran = home.run(&["balance", "alice"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.starts_with(&said), "{}", ran.err);
    let ran = home.run(&["balance", "alice", "--server", "127.0.0.1:2"]);
    assert!(ran.err.contains("127.0.0.1:2 (from --server)"), "{}", ran.err);
}

#[test]
fn a_file_gives_serve_what_its_flags_would_and_a_flag_still_counts_more() {
    let home = Home::with("listen = \"127.0.0.1:x\"\ndata = \"/dev/null\"\n");
    let ran = home.run(&["serve"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("127.0.0.1:x"), "{}", ran.err);
    let ran = home.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("error[data_folder]: /dev/null"), "{}", ran.err);
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_line_and_nothing_is_done() {
    for (text, said, hint) in [
        ("\nlisten_ = \"a:1\"", ":2: unknown key \"listen_\"", "did you mean listen?"),
        ("zzz = 1", ":1: unknown key \"zzz\"", "saldo config show lists every key"),
        ("[server]\nlisten = 1", ":1: server: give a text in quotes or a whole number", ""),
        ("connections_max = 0", ":1: connections_max is \"0\": 0 is not in 1..=4294967295", ""),
        (
            "connections_max = 1.5",
            ":1: connections_max: give a text in quotes or a whole number",
            "",
        ),
        ("unreplicated = \"yes\"", ":1: unreplicated: give true or false", ""),
        ("timeout = \"5\"", ":1: timeout is \"5\": give a whole number and a unit", ""),
        ("data = \"\"", ":1: data is \"\": leave it out", ""),
        (
            "token = \"x\"",
            ":1: token is a secret, and a configuration file holds none",
            "mode 0600",
        ),
        ("data = \"postgres://u:s3cret@h/b\"", ":1: data shows a password", "passfile=FILE"),
        ("server = \"a:1\"\nserver = \"b:1\"", ":2: ", ""),
        ("server = ", ":1: ", ""),
    ] {
        let home = Home::with(text);
        let ran = home.run(&["balance", "alice"]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{text}: {}", ran.err);
        let head = format!("error[configuration]: {}{said}", home.own().display());
        assert!(ran.err.starts_with(&head), "{text}: {}", ran.err);
        assert!(ran.err.contains(hint) && !ran.err.contains("s3cret"), "{text}: {}", ran.err);
        let ran = home.run(&["config", "check"]);
        assert_eq!(ran.code, 1, "{text}");
        assert!(ran.out.contains(&format!("fail\t{}{said}", home.own().display())), "{}", ran.out);
        assert_eq!(home.run(&["help", "config"]).code, 0, "help comes whatever a file holds");
    }
    let ran = ran(saldo(&["balance", "a", "--config", "/nowhere.toml"]).output().unwrap());
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("/nowhere.toml cannot be read: no such file"), "{}", ran.err);
}

#[test]
fn a_switch_takes_every_word_for_yes_and_no_from_the_environment() {
    // Which is seen by what it asks for: a database that nobody can reach is asked, or not.
    let is_taken = |word: &str| {
        let command = &mut saldo(&["serve", "--listen", "127.0.0.1:0", "--data", "/dev/null"]);
        ran(command.env("SALDO_UNREPLICATED", word).output().unwrap())
    };
    for word in ["1", "true", "yes", "on", "0", "false", "no", "off", ""] {
        let ran = is_taken(word);
        assert!(ran.err.starts_with("error[data_folder]"), "{word}: {}", ran.err);
    }
    let ran = is_taken("perhaps");
    assert!(ran.err.contains("'perhaps'"), "{}", ran.err);
}

#[test]
fn check_says_what_is_good_and_what_is_not_of_files_and_variables() {
    let home = Home::with("drain = \"3s\"\n");
    let ran_with = |name: &str, value: &str| {
        ran(home.command(&["config", "check"]).env(name, value).output().unwrap())
    };
    let good = ran_with("SALDO_DRAIN", "7s");
    assert_eq!((good.code, good.err.as_str()), (0, ""));
    assert!(good.out.contains(&format!("ok\t{}", home.own().display())), "{}", good.out);
    let bad = ran_with("SALDO_DRAIN", "7");
    assert_eq!(bad.code, 1);
    assert!(bad.out.contains("fail\tSALDO_DRAIN is \"7\": give a whole number"), "{}", bad.out);
    assert_eq!(bad.err, "error[configuration]: 1 item of the configuration is wrong\n");
    let odd = ran_with("SALDO_LISTN", "x");
    assert_eq!(odd.code, 0);
    assert!(odd.out.contains("warn\tSALDO_LISTN stands for nothing"), "{}", odd.out);
}

#[test]
fn show_masks_secrets_and_gives_every_format() {
    let home = Home::with("server = \"bank:1\"\n");
    let show = |words: &[&str]| {
        let command = &mut home.command(&["config", "show"]);
        command.env("SALDO_TOKEN", "t0p").env("SALDO_DATA", "postgres://u:s3cret@h:1/b");
        ran(command.args(words).output().unwrap())
    };
    let all = show(&["--origin", "--json"]);
    assert!(!all.out.contains("t0p") && !all.out.contains("s3cret"), "{}", all.out);
    let document: Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!(document["schema"], "saldo.config/1");
    let items = document["items"].as_array().unwrap();
    let of = |key: &str| items.iter().find(|item| item["key"] == key).unwrap();
    assert_eq!(of("token")["value"], "********");
    assert_eq!(of("data")["value"], "postgres://h:1/b");
    assert_eq!(
        (&of("server")["value"], &of("server")["origin"]),
        (&"bank:1".into(), &"file".into())
    );
    show(&["server", "drain"]).assert_done("server\tbank:1\ndrain\t10s\n");
    show(&["server", "-o", "csv"]).assert_done("key,value\nserver,bank:1\n");
    show(&["server", "-o", "table"]).assert_done("server  bank:1\n");
    show(&["server", "-q"]).assert_done("bank:1\n");
    assert_eq!(show(&["-o", "jsonl"]).out.lines().count(), items.len());
    let slip = show(&["sever"]);
    slip.assert_failed(
        2,
        "error[configuration]: unknown key \"sever\"\n  hint: did you mean server?\n",
    );
}

#[test]
fn every_key_of_the_example_file_is_a_key_with_a_good_value() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib/config.toml");
    let example = fs::read_to_string(example).unwrap();
    let home = Home::with(&example);
    let is_key = |line: &&str| line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let on: Vec<&str> =
        example.lines().filter_map(|line| line.strip_prefix('#')).filter(is_key).collect();
    assert!(on.len() > 15, "{on:?}");
    let on = home.file("on.toml", &on.join("\n"));
    for file in [home.own(), on] {
        let ran = home.run(&["config", "check", "--config", &file.display().to_string()]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    }
}
