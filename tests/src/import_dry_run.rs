//! `saldo import --dry-run` foretells what the import then does, row by row.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::{Folder, Run, Server};

/// The number of each refused row, with its code.
type Refused = BTreeMap<u64, String>;

/// What the notes of a dry run say.
fn foretold(stderr: &str) -> Refused {
    let notes = stderr.lines().filter_map(|line| line.split_once("note: row "));
    notes
        .filter_map(|(_, told)| {
            let (row, told) = told.split_once(" would be refused (")?;
            let (code, _) = told.split_once("):")?;
            Some((row.parse().unwrap(), code.to_owned()))
        })
        .collect()
}

/// What the list of refused rows says; its last columns are row, code and error.
fn happened(list: &str) -> Refused {
    let rows = list.lines().skip(1).map(|row| {
        let cells: Vec<&str> = row.rsplitn(4, ',').collect();
        (cells[2].parse().unwrap(), cells[1].to_owned())
    });
    rows.collect()
}

#[test]
fn a_dry_run_foretells_each_row_that_the_bank_or_the_file_has_seen() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut wire = server.connect();
    for line in [
        r#"{"cmd":"init_accounts","accounts":{"ana":10,"bia":0},"tx_id":"i"}"#,
        r#"{"cmd":"deposit","user":"ana","amount":5,"tx_id":"d"}"#,
        r#"{"cmd":"withdraw","user":"bia","amount":9,"tx_id":"w"}"#,
        r#"{"cmd":"deposit","user":"bia","amount":9,"not_after":1,"tx_id":"late"}"#,
        r#"{"cmd":"resolve","tx_id":"v"}"#,
    ] {
        wire.ask(line);
    }
    let rows = [
        (r#"{"cmd":"init_accounts","accounts":{"bia":0,"ana":10},"tx_id":"i"}"#, ""),
        (r#"{"cmd":"init_accounts","accounts":{"bia":0,"ana":11},"tx_id":"i"}"#, "tx_id_reused"),
        (r#"{"cmd":"deposit","user":"ana","amount":5,"tx_id":"d"}"#, ""),
        (r#"{"cmd":"deposit","user":"ana","amount":6,"tx_id":"d"}"#, "tx_id_reused"),
        (r#"{"cmd":"withdraw","user":"bia","amount":9,"tx_id":"w"}"#, "insufficient_funds"),
        (r#"{"cmd":"deposit","user":"bia","amount":9,"tx_id":"w"}"#, "tx_id_reused"),
        (r#"{"cmd":"deposit","user":"bia","amount":9,"tx_id":"late"}"#, "deadline_passed"),
        (r#"{"cmd":"deposit","user":"bia","amount":9,"tx_id":"v"}"#, "voided"),
        (r#"{"cmd":"deposit","user":"bia","amount":9,"tx_id":"new"}"#, ""),
        (r#"{"cmd":"deposit","user":"bia","amount":9,"tx_id":"new"}"#, ""),
        (r#"{"cmd":"deposit","user":"bia","amount":8,"tx_id":"new"}"#, "tx_id_reused"),
        (r#"{"cmd":"withdraw","user":"bia","amount":90,"tx_id":"more"}"#, "insufficient_funds"),
        (r#"{"cmd":"deposit","user":"bia","amount":200,"not_after":1}"#, "deadline_passed"),
        (r#"{"cmd":"deposit","user":"bia","amount":200}"#, ""),
        (r#"{"cmd":"withdraw","user":"bia","amount":90,"tx_id":"more"}"#, "insufficient_funds"),
        (r#"{"cmd":"withdraw","user":"bia","amount":91,"tx_id":"more"}"#, "tx_id_reused"),
        (r#"{"cmd":"withdraw","user":"bia","amount":90,"tx_id":"rest"}"#, ""),
    ];
    let path = folder.around().join("rows.jsonl");
    fs::write(&path, rows.map(|(row, _)| format!("{row}\n")).concat()).unwrap();
    let file = path.display().to_string();
    let expected: Refused = (1..)
        .zip(rows)
        .filter(|(_, (_, code))| !code.is_empty())
        .map(|(row, (_, code))| (row, code.to_owned()))
        .collect();
    let dry = Run::new(&["import", &file, "--dry-run"]).at(&server).end().with_code(1);
    assert_eq!(foretold(&dry.stderr), expected, "{}", dry.stderr);
    assert!(
        dry.stderr.contains("11 of 17 rows would be refused, 3 would be done, 3 had been done"),
        "{}",
        dry.stderr
    );
    let done = Run::new(&["import", &file, "--keep-going"]).at(&server).end().with_code(1);
    assert!(
        done.stderr.contains("11 of 17 rows were refused, 3 were done, 3 had been done"),
        "{}",
        done.stderr
    );
    let list = fs::read_to_string(format!("{file}.rejected.csv")).unwrap();
    // An `init` is a row per account there; the map takes them together.
    assert_eq!(happened(&list), expected);
}
