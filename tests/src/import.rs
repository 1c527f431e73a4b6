//! What `saldo import` does with the rows of a file: each happens once, as it is written, and nothing
//! behind a row that the bank refuses.

use std::fs;

use crate::harness::{Ended, Folder, Run, Server};

/// A bank, and a place for files beside it.
struct Bank {
    folder: Folder,
    server: Server,
}

impl Bank {
    fn new() -> Self {
        let folder = Folder::new();
        let server = Server::start(&folder);
        Self { folder, server }
    }

    /// The path of a file, written anew.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.around().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn import(&self, file: &str, flags: &[&str]) -> Ended {
        Run::new(&["import", file]).and(flags).at(&self.server).end()
    }

    /// What an import that refuses nothing did: done by it, done before.
    fn done(&self, file: &str) -> (u64, u64) {
        let told = self.import(file, &["--json"]).with_code(0).json();
        (told["done"].as_u64().unwrap(), told["already_done"].as_u64().unwrap())
    }

    fn balances<const N: usize>(&self, users: [&str; N]) -> [i64; N] {
        let mut wire = self.server.connect();
        users.map(|user| wire.balance(user).0)
    }
}

#[test]
fn rows_before_an_edit_happen_once_and_so_do_those_above_a_row_that_is_added() {
    for (name, head, rows) in [
        (
            "a.csv",
            "cmd,user,from,to,amount\n",
            ["deposit,ana,,,50", "transfer,,ana,bia,80", "deposit,bia,,,7"],
        ),
        (
            "a.jsonl",
            "",
            [
                r#"{"cmd":"deposit","user":"ana","amount":50}"#,
                r#"{"cmd":"transfer","from":"ana","to":"bia","amount":80}"#,
                r#"{"cmd":"deposit","user":"bia","amount":7}"#,
            ],
        ),
    ] {
        let bank = Bank::new();
        let [first, second, third] = rows;
        let file = bank.file(name, &format!("{head}{first}\r\n{second}\n{third}"));
        bank.import(&file, &[]).with_code(1);
        let corrected = second.replace("80", "30");
        bank.file(name, &format!("{head}{first}\r\n{corrected}\n{third}"));
        assert_eq!(bank.done(&file), (2, 1), "{name}");
        assert_eq!(bank.balances(["ana", "bia"]), [20, 37], "{name}");
        // The last row had no line end; with one it is the same row.
        bank.file(name, &format!("{head}{first}\r\n{corrected}\n{third}\n\n{first}\n"));
        assert_eq!(bank.done(&file), (1, 3), "{name}");
        assert_eq!(bank.balances(["ana", "bia"]), [70, 37], "{name}");
    }
}

#[test]
fn a_refusal_that_the_bank_recorded_comes_with_what_to_do_about_it() {
    let bank = Bank::new();
    let file = bank.file("a.csv", "cmd,user,amount\nwithdraw,ana,5\n");
    bank.import(&file, &[]).with_code(1);
    bank.server.connect().ask(r#"{"cmd":"deposit","user":"ana","amount":9}"#);
    let again = bank.import(&file, &[]).with_code(1);
    assert!(again.stderr.contains("stays no"), "{}", again.stderr);
    assert!(again.stderr.contains("tx_id"), "{}", again.stderr);
    bank.file("a.csv", "cmd,user,amount,tx_id\nwithdraw,ana,5,another\n");
    assert_eq!(bank.done(&file), (1, 0));
}

#[test]
fn nothing_behind_a_refused_row_is_done_and_what_was_done_is_counted() {
    let bank = Bank::new();
    let row = |user: &str| format!("{{\"cmd\":\"deposit\",\"user\":\"{user}\",\"amount\":1}}\n");
    let refused = "{\"cmd\":\"withdraw\",\"user\":\"ana\",\"amount\":900}\n";
    let rows = row("ana").repeat(3) + refused + &row("bia").repeat(600);
    let file = bank.file("a.jsonl", &rows);
    let stopped = bank.import(&file, &[]).with_code(1);
    assert!(stopped.stderr.contains("row 4: insufficient funds"), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("3 rows were done"), "{}", stopped.stderr);
    assert_eq!(bank.balances(["ana", "bia"]), [3, 0]);
    let again = bank.import(&file, &[]).with_code(1);
    assert!(again.stderr.contains("0 rows were done, 3 had been done before"), "{}", again.stderr);
    let kept = bank.import(&file, &["--keep-going"]).with_code(1);
    assert!(
        kept.stderr.contains("1 of 604 rows were refused, 600 were done, 3 had been done before"),
        "{}",
        kept.stderr
    );
    assert_eq!(bank.balances(["ana", "bia"]), [3, 600]);
}

#[test]
fn a_row_that_the_wire_would_refuse_is_refused_and_nothing_is_sent() {
    let bank = Bank::new();
    let good = r#"{"cmd":"deposit","user":"ana","amount":1}"#;
    for bad in [
        r#"{"cmd":"deposit","user":"ana","amount":"+5"}"#,
        r#"{"cmd":"deposit","user":"ana","amount":" 5 "}"#,
        r#"{"cmd":"deposit","user":"ana","amount":5.0}"#,
        r#"{"cmd":"deposit","user":"ana","amount":5,"tx_id":17}"#,
        r#"{"cmd":"deposit","user":"ana","amount":5,"amount":6}"#,
        r#"{"cmd":"deposit","user":"ana","amount":5,"not_after":"soon"}"#,
        r#"{"cmd":"balance","user":"ana"}"#,
        r#"{"tx":"deposit","tx_id":17,"user":"ana","amount":5}"#,
        r#"{"tx":"deposit","tx_id":"t","user":"ana","amount":"+5"}"#,
        r#"{"tx":"deposit","tx_id":"t","user":"ana","amount":5,"amount":6}"#,
        r#"{"tx":"init","tx_id":"t","accounts":{"a":{"after":1},"a":{"after":2}}}"#,
    ] {
        let file = bank.file("bad.jsonl", &format!("{good}\n\n{bad}\n"));
        let refused = bank.import(&file, &[]).with_code(2);
        assert!(refused.stderr.contains("bad.jsonl row 3: "), "{bad}: {}", refused.stderr);
    }
    for bad in ["+5", " 5", "5 ", "5.0", ""] {
        let file = bank.file("bad.csv", &format!("cmd,user,amount\n\ndeposit,ana,{bad}\n"));
        let refused = bank.import(&file, &[]).with_code(2);
        assert!(refused.stderr.contains("bad.csv row 3: "), "{bad}: {}", refused.stderr);
    }
    let head = bank.file("head.csv", "cmd,user,amount,amount\ndeposit,ana,1,2\n");
    let refused = bank.import(&head, &[]).with_code(2);
    assert!(refused.stderr.contains("head.csv row 1: "), "{}", refused.stderr);
    assert_eq!(bank.balances(["ana"]), [0]);
}

#[test]
fn the_deadline_of_a_row_is_kept() {
    let bank = Bank::new();
    let late = bank.file(
        "late.jsonl",
        r#"{"cmd":"deposit","user":"ana","amount":5,"not_after":1,"tx_id":"t-1"}"#,
    );
    assert!(bank.import(&late, &[]).with_code(1).stderr.contains("deadline_passed"));
    let late = bank.file("late.csv", "cmd,user,amount,not_after\ndeposit,ana,5,1\n");
    assert!(bank.import(&late, &[]).with_code(1).stderr.contains("deadline_passed"));
    assert_eq!(bank.balances(["ana"]), [0]);
}

#[test]
fn what_can_be_read_only_once_is_refused_with_a_hint() {
    let bank = Bank::new();
    for file in ["/dev/stdin", "-"] {
        let refused = Run::new(&["import", file])
            .stdin("{\"cmd\":\"deposit\",\"user\":\"ana\",\"amount\":5}\n")
            .at(&bank.server)
            .end()
            .with_code(2);
        assert!(refused.stderr.contains("read twice"), "{file}: {}", refused.stderr);
        assert!(refused.stderr.contains("hint:"), "{file}: {}", refused.stderr);
    }
}

#[test]
fn refused_rows_are_a_file_that_can_be_imported_and_no_list_is_lost() {
    let bank = Bank::new();
    let mut rows = String::new();
    for n in 0..700 {
        rows += &format!("{{\"cmd\":\"withdraw\",\"user\":\"ana\",\"amount\":{}}}\n", n + 1);
    }
    rows += r#"{"cmd":"transfer","from":"ana","to":"b,\"ia","amount":5,"tx_id":"own"}"#;
    let file = bank.file("a.jsonl", &rows);
    bank.import(&file, &["--keep-going"]).with_code(1);
    let rejected = format!("{file}.rejected.csv");
    let first = fs::read_to_string(&rejected).unwrap();
    assert_eq!(first.lines().count(), 702, "a header and a line for each row");
    assert_eq!(first.matches("insufficient_funds").count(), 701);
    // The list of the first run stays; that of the second says the same.
    let again = bank.import(&file, &["--keep-going"]).with_code(1);
    assert_eq!(fs::read_to_string(&rejected).unwrap(), first);
    let second = format!("{file}.rejected.2.csv");
    assert!(again.stderr.contains(&second), "{}", again.stderr);
    assert_eq!(fs::read_to_string(&second).unwrap(), first);
    bank.server.connect().ask(r#"{"cmd":"deposit","user":"ana","amount":245450}"#);
    let imported = bank.import(&rejected, &["--keep-going"]).with_code(1);
    assert!(imported.stderr.contains("700 were done"), "{}", imported.stderr);
    let imported = bank.import(&second, &["--keep-going"]).with_code(1);
    assert!(imported.stderr.contains("700 had been done before"), "{}", imported.stderr);
    assert_eq!(bank.balances(["ana", "b,\"ia"]), [100, 0], "a tx_id of the row's own stays");
}

#[test]
fn an_init_that_is_larger_in_an_export_than_a_line_comes_back_whole() {
    let bank = Bank::new();
    let accounts: serde_json::Map<String, serde_json::Value> =
        (0..45_000).map(|n| (format!("a{n:05}"), 1_000_000.into())).collect();
    let set = serde_json::json!({"cmd": "init_accounts", "accounts": accounts, "tx_id": "i"});
    assert_eq!(bank.server.connect().ask(&set.to_string())["ok"], true);
    // One that fills its line to the last bytes, without a tx_id: with one it needs two lines.
    let accounts: serde_json::Map<String, serde_json::Value> =
        (0..45_588).map(|n| (format!("b{n:05}"), 9_007_199_254_740_u64.into())).collect();
    let full = serde_json::json!({"cmd": "init_accounts", "accounts": accounts}).to_string();
    assert!((1 << 20) - 60 < full.len() && full.len() <= 1 << 20, "{}", full.len());
    assert_eq!(bank.server.connect().ask(&full)["ok"], true);
    for format in ["jsonl", "csv"] {
        let other = Bank::new();
        let file = other.folder.around().join(format!("all.{format}")).display().to_string();
        Run::new(&["export", "transactions", "--format", format, "--out", &file])
            .at(&bank.server)
            .end()
            .with_code(0);
        let dry = other.import(&file, &["--dry-run", "--json"]).with_code(0).json();
        assert_eq!(dry["done"], 3, "{format}: {dry}");
        assert_eq!(other.done(&file), (3, 0), "{format}");
        assert_eq!(other.done(&file), (0, 3), "{format}");
        let totals = [&bank, &other]
            .map(|bank| bank.server.connect().ask(r#"{"cmd":"totals"}"#))
            .map(|totals| (totals["accounts"].clone(), totals["sum"].clone()));
        assert_eq!(totals[0], totals[1], "{format}");
        let same = other.server.connect().ask(r#"{"cmd":"transaction","tx_id":"i"}"#);
        assert_eq!(same["ok"], true, "{format}: what fits one line keeps its tx_id");
    }
}

#[test]
fn progress_is_shown_as_the_flag_or_the_variable_says() {
    let bank = Bank::new();
    let file = bank.file("a.csv", "cmd,user,amount\ndeposit,ana,5\n");
    let out = bank.folder.around().join("out.jsonl").display().to_string();
    for arguments in [vec!["import", &file], vec!["export", "accounts", "--out", &out]] {
        let run = || Run::new(&arguments).at(&bank.server);
        let has_progress = |ended: Ended| ended.with_code(0).stderr.contains(" s\n");
        assert!(has_progress(run().end()), "{arguments:?}");
        assert!(!has_progress(run().and(&["-q"]).end()), "{arguments:?}");
        assert!(has_progress(run().and(&["-q", "--progress", "always"]).end()), "{arguments:?}");
        assert!(!has_progress(run().and(&["--progress", "never"]).end()), "{arguments:?}");
        assert!(!has_progress(run().env("SALDO_PROGRESS", "never").end()), "{arguments:?}");
        run().env("SALDO_PROGRESS", "often").end().with_code(2);
    }
}

#[test]
fn the_forms_of_a_row_that_the_help_shows_are_read() {
    let bank = Bank::new();
    let help = Run::new(&["help", "formats"]).end().with_code(0).stdout;
    let rows = |begin: char| -> String {
        let rows = help.lines().map(str::trim).filter(|line| line.starts_with(begin));
        rows.filter(|line| line.contains("\"cmd\"") || line.contains("\"tx\""))
            .map(|line| format!("{line}\n"))
            .collect()
    };
    let lines = rows('{');
    assert!(lines.lines().count() >= 4, "{help}");
    let file = bank.file("help.jsonl", &lines);
    bank.import(&file, &["--dry-run", "--keep-going"]).with_code(0);
    let table = help.split("cmd,").nth(1).unwrap_or_else(|| panic!("{help}"));
    let table: String = format!("cmd,{table}")
        .lines()
        .map(str::trim)
        .take_while(|line| line.contains(','))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(table.lines().count() >= 4, "{table}");
    let file = bank.file("help.csv", &table);
    bank.import(&file, &["--dry-run"]).with_code(0);
}
