//! Every verb that shows something to programs, as comma-separated values and as lines of JSON.

use serde_json::Value;

use crate::run::{run, table};
use crate::server::{Say, Server};

const MOVED: &str =
    r#"{"ok":true,"user":"a,b","before":100000,"after":102500,"seq":7,"tx_id":"t-1"}"#;
const TRANSFERRED: &str = r#"{"ok":true,"from":{"user":"alice","before":102500,"after":101723},"to":{"user":"bob","before":50000,"after":50777},"seq":8,"tx_id":"t-1"}"#;
const BALANCES: &str = r#"{"ok":true,"balances":[{"user":"a","balance":1},{"user":"say \"b\"","balance":20}],"as_of":3}"#;
const ACCOUNTS: &str = r#"{"ok":true,"items":[{"user":"a","balance":1,"seq":4},{"user":"b","balance":2,"seq":5}],"next_cursor":null,"as_of":9}"#;
const TOTALS: &str = r#"{"ok":true,"accounts":2,"sum":3,"money_in":5,"money_out":2,"seq":9,"at":1764064800000007,"as_of":9}"#;
const STATEMENT: &str = r#"{"ok":true,"user":"alice","items":[{"seq":12,"at":1764064800000007,"tx":"transfer","other":"bob","amount":-777,"balance":223,"tx_id":"t-12"}],"balance_before":1000,"balance_after":223,"next_cursor":null,"as_of":12}"#;
const TRANSACTION: &str = r#"{"ok":true,"transaction":{"seq":43,"tx":"void","tx_id":"t-9","by":"user:ana","at":1764064800000007},"as_of":50}"#;
const RESOLVED: &str = r#"{"ok":true,"outcome":"voided","transaction":{"seq":43,"tx":"void","tx_id":"t-9","at":1764064800000007},"duplicate":true,"as_of":50}"#;
const STOPPING: &str = r#"{"ok":true,"msg":"server shutting down"}"#;

/// A verb, the reply to it, and what `-o csv` makes of it.
const VERBS: [(&[&str], &str, &str); 9] = [
    (
        &["deposit", "a,b", "2500"],
        MOVED,
        "account,before,after,seq,tx_id\n\"a,b\",100000,102500,7,t-1\n",
    ),
    (
        &["transfer", "alice", "bob", "777"],
        TRANSFERRED,
        "from,from_before,from_after,to,to_before,to_after,seq,tx_id\n\
         alice,102500,101723,bob,50000,50777,8,t-1\n",
    ),
    (&["balance", "a", "say \"b\""], BALANCES, "account,balance\na,1\n\"say \"\"b\"\"\",20\n"),
    (&["accounts"], ACCOUNTS, "account,balance,seq\na,1,4\nb,2,5\n"),
    (
        &["totals"],
        TOTALS,
        "accounts,sum,money_in,money_out,seq,at\n2,3,5,2,9,2025-11-25T10:00:00.000007Z\n",
    ),
    (
        &["statement", "alice"],
        STATEMENT,
        "seq,at,kind,other,amount,balance,tx_id\n\
         12,2025-11-25T10:00:00.000007Z,transfer,bob,-777,223,t-12\n",
    ),
    (
        &["tx", "t-9"],
        TRANSACTION,
        "seq,at,kind,tx_id,account,amount,balance,code,by\n\
         43,2025-11-25T10:00:00.000007Z,void,t-9,,,,,user:ana\n",
    ),
    (&["resolve", "t-9"], RESOLVED, "outcome,seq,tx_id\nvoided,43,t-9\n"),
    (&["shutdown"], STOPPING, "message\nserver shutting down\n"),
];

fn asked(words: &[&str], format: &str, server: &Server) -> crate::run::Ran {
    run(&[words, &["-o", format, "--server", &server.address]].concat())
}

#[test]
fn comma_separated_values_have_a_header_and_a_row_for_each_finding() {
    for (words, reply, expected) in VERBS {
        asked(words, "csv", &Server::saying(reply)).assert_done(expected);
    }
}

#[test]
fn lines_of_json_are_the_items_of_a_list_and_the_reply_of_all_else() {
    for (words, reply, _) in VERBS {
        let ran = asked(words, "jsonl", &Server::saying(reply));
        let document: Value = serde_json::from_str(reply).unwrap();
        let items = document.get("items").or(document.get("balances")).and_then(Value::as_array);
        let lines: Vec<Value> =
            ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, items.cloned().unwrap_or_else(|| vec![document.clone()]), "{words:?}");
    }
}

#[test]
fn the_header_comes_once_however_many_pages_there_are() {
    let server = Server::start(|line| {
        let last = ACCOUNTS.to_owned();
        let is_last = line.contains("cursor");
        Say::Line(if is_last { last } else { last.replace("null", "\"c-1\"") })
    });
    asked(&["accounts", "--all"], "csv", &server)
        .assert_done("account,balance,seq\na,1,4\nb,2,5\na,1,4\nb,2,5\n");
    assert_eq!(asked(&["accounts", "--all"], "jsonl", &server).out.lines().count(), 4);
}

#[test]
fn an_error_is_one_object_where_lines_of_json_were_asked_for() {
    let refused = r#"{"ok":false,"error":"no such transaction","code":"not_found"}"#;
    let ran = asked(&["tx", "t-1"], "jsonl", &Server::saying(refused));
    assert_eq!(ran.error_document()["code"], "not_found");
    let plain = table(&Server::saying(refused).address, &["tx", "t-1", "-o", "csv"]);
    assert!(plain.err.starts_with("error[not_found]"), "{}", plain.err);
}
