//! Transactions, statements, accounts, totals, past balances, resolve and deadlines.

use serde_json::{Value, json};

use crate::run::{ran, run, saldo, shell, table};
use crate::server::{Say, Server};

const AT: &str = "1764064800000007";

fn page(lines: &[(u64, &str, i64, i64)], next: Option<&str>) -> String {
    let items: Vec<Value> = lines
        .iter()
        .map(|(seq, other, amount, balance)| {
            let at: u64 = AT.parse().unwrap();
            json!({"seq":seq,"at":at,"tx":"transfer","other":other,"amount":amount,
                "balance":balance,"tx_id":format!("t-{seq}")})
        })
        .collect();
    json!({"ok":true,"user":"alice","items":items,"balance_before":0,"balance_after":0,
        "next_cursor":next,"as_of":9})
    .to_string()
}

fn sent(server: &Server) -> Vec<Value> {
    server.heard().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_statement_is_a_table_for_people_and_fixed_columns_for_programs() {
    let reply = page(&[(12, "bob", -777, 223), (3, "carol", 1000, 1000)], None);
    let server = Server::saying(&reply);
    table(&server.address, &["statement", "alice", "--utc"]).assert_done(concat!(
        "12  2025-11-25 10:00:00Z  transfer  bob    -777   223  t-12\n",
        " 3  2025-11-25 10:00:00Z  transfer  carol  1000  1000  t-3\n",
    ));
    run(&["statement", "alice", "--server", &server.address]).assert_done(concat!(
        "12\t2025-11-25T10:00:00.000007Z\ttransfer\tbob\t-777\t223\tt-12\n",
        "3\t2025-11-25T10:00:00.000007Z\ttransfer\tcarol\t1000\t1000\tt-3\n",
    ));
    run(&["statement", "alice", "-q", "--server", &server.address]).assert_done("223\n1000\n");
    run(&["statement", "alice", "--json", "--server", &server.address])
        .assert_done(&format!("{reply}\n"));
    assert_eq!(sent(&server)[0], json!({"cmd":"statement","user":"alice","order":"newest"}));
}

#[test]
fn local_times_carry_their_distance_from_utc() {
    let server = Server::saying(&page(&[(1, "bob", -1, 1)], None));
    let mut command = saldo(&["statement", "alice", "-o", "table", "--server", &server.address]);
    let ran = ran(command.env("TZ", "America/Sao_Paulo").output().unwrap());
    ran.assert_done("1  2025-11-25 07:00:00-03:00  transfer  bob  -1  1  t-1\n");
}

#[test]
fn a_statement_has_a_span_of_seqs_or_times_an_order_and_a_limit() {
    let server = Server::saying(&page(&[], None));
    let words = ["statement", "alice", "--from", "41", "--to", "2025-11-25T10:00:00Z"];
    let more = ["--oldest-first", "--limit", "7"];
    table(&server.address, &[&words[..], &more[..]].concat()).assert_done("");
    let expected = json!({"cmd":"statement","user":"alice","from_seq":41,
        "to_time":1_764_064_800_000_000_u64,"order":"oldest","limit":7});
    assert_eq!(sent(&server), [expected]);
}

#[test]
fn a_page_that_is_not_the_last_tells_the_command_for_the_next() {
    let server = Server::start(|line| {
        let last = line.contains("\"cursor\":\"s1.9-3.ab\"");
        let next = (!last).then_some("s1.9-3.ab");
        Say::Line(page(&[(if last { 2 } else { 3 }, "bob", -1, 1)], next))
    });
    let words = ["statement", "alice", "--from", "1", "--limit", "1", "--server"];
    let first = run(&[&words[..], &[&server.address]].concat());
    assert_eq!((first.code, first.out.lines().count()), (0, 1));
    let next = first.err.trim_end().strip_prefix("note: there is more: ").unwrap();
    assert_eq!(
        next,
        format!(
            "saldo statement alice --server {} --from 1 --limit 1 --cursor s1.9-3.ab",
            server.address
        )
    );
    let second = shell(next);
    assert_eq!((second.code, second.err.as_str()), (0, ""));
    assert!(second.out.starts_with("2\t"), "{}", second.out);
}

#[test]
fn all_pages_come_one_after_the_other() {
    let server = Server::start(|line| {
        let sent: Value = serde_json::from_str(line).unwrap();
        Say::Line(match sent["cursor"].as_str() {
            None => page(&[(3, "bob", -1, 1)], Some("c-1")),
            Some("c-1") => page(&[(2, "bob", -1, 2)], Some("c-2")),
            Some(_) => page(&[(1, "bob", 3, 3)], None),
        })
    });
    let ran = run(&["statement", "alice", "--all", "--server", &server.address]);
    let seqs: Vec<&str> = ran.out.lines().map(|line| &line[..1]).collect();
    assert_eq!((ran.code, ran.err.as_str(), seqs), (0, "", vec!["3", "2", "1"]));
    assert_eq!(sent(&server)[0]["limit"], json!(1000));
}

#[test]
fn a_loss_between_two_pages_leaves_whole_rows_and_a_failure() {
    let server = Server::start(|line| {
        if line.contains("cursor") {
            return Say::Nothing;
        }
        Say::Line(page(&[(3, "bob", -1, 1)], Some("c-1")))
    });
    let words = ["statement", "alice", "--all", "--timeout", "300ms", "--server"];
    let ran = run(&[&words[..], &[&server.address]].concat());
    assert_eq!((ran.code, ran.out.lines().count()), (3, 1));
    assert!(ran.out.ends_with("t-3\n") && ran.err.starts_with("error[unreachable]"), "{}", ran.err);
}

#[test]
fn an_account_that_does_not_exist_has_an_empty_statement_and_a_note() {
    let server = Server::saying(
        r#"{"ok":true,"user":"zed","items":[],"balance_before":0,"balance_after":0,"exists":false,"next_cursor":null,"as_of":9}"#,
    );
    let ran = table(&server.address, &["statement", "zed"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert_eq!(ran.err, "note: there is no account \"zed\"\n");
}

const TRANSFER: &str = r#"{"seq":41,"tx":"transfer","tx_id":"rent","from":{"user":"alice","before":1000,"after":223},"to":{"user":"bob","before":0,"after":777},"amount":777,"by":"user:ana","at":1764064800000007}"#;
const REFUSED: &str = r#"{"seq":42,"tx":"refused","tx_id":"w-1","code":"insufficient_funds","cmd":"withdraw","user":"bob","amount":9000,"balance":777,"at":1764064800000007}"#;
const VOID: &str = r#"{"seq":43,"tx":"void","tx_id":"t-9","at":1764064800000007}"#;

fn found(transaction: &str) -> String {
    format!(r#"{{"ok":true,"transaction":{transaction},"as_of":50}}"#)
}

#[test]
fn a_transaction_is_shown_with_the_accounts_that_it_changed() {
    let server = Server::saying(&found(TRANSFER));
    table(&server.address, &["tx", "rent", "--utc"]).assert_done(concat!(
        "seq    41\n",
        "at     2025-11-25 10:00:00Z\n",
        "kind   transfer\n",
        "tx_id  rent\n",
        "by     user:ana\n",
        "alice  1000 → 223\n",
        "bob    0 → 777\n",
    ));
    run(&["tx", "41", "--server", &server.address]).assert_done(concat!(
        "41\t2025-11-25T10:00:00.000007Z\ttransfer\trent\talice\t-777\t223\t\tuser:ana\n",
        "41\t2025-11-25T10:00:00.000007Z\ttransfer\trent\tbob\t777\t777\t\tuser:ana\n",
    ));
    run(&["tx", "41", "-q", "--server", &server.address]).assert_done("223\n777\n");
    run(&["tx", "41", "--tx-id", "--json", "--server", &server.address])
        .assert_done(&format!("{}\n", found(TRANSFER)));
    let asked: Vec<Value> = sent(&server);
    assert_eq!(asked[0], json!({"cmd":"transaction","tx_id":"rent"}));
    assert_eq!(asked[1], json!({"cmd":"transaction","seq":41}));
    assert_eq!(asked[3], json!({"cmd":"transaction","tx_id":"41"}));
}

#[test]
fn a_refusal_is_shown_with_what_was_asked_and_why_not() {
    let server = Server::saying(&found(REFUSED));
    table(&server.address, &["tx", "w-1", "--utc"]).assert_done(concat!(
        "seq      42\n",
        "at       2025-11-25 10:00:00Z\n",
        "kind     refused\n",
        "tx_id    w-1\n",
        "code     insufficient_funds\n",
        "asked    withdraw\n",
        "account  bob\n",
        "amount   9000\n",
        "held     777\n",
    ));
    run(&["tx", "w-1", "--server", &server.address])
        .assert_done("42\t2025-11-25T10:00:00.000007Z\trefused\tw-1\t\t\t\tinsufficient_funds\t\n");
}

#[test]
fn what_is_not_there_ends_with_1() {
    let server = Server::saying(
        r#"{"ok":false,"error":"there is no such transaction","code":"unknown_transaction","as_of":3}"#,
    );
    let ran = table(&server.address, &["tx", "9"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.starts_with("error[unknown_transaction]: there is no such transaction\n  hint: ")
    );
    assert_eq!(server.heard().len(), 1, "it is not asked for again");
}

#[test]
fn an_outcome_is_the_answer_whatever_it_is() {
    for (outcome, transaction, seq, tx_id) in [
        ("done", TRANSFER, 41, "rent"),
        ("refused", REFUSED, 42, "w-1"),
        ("voided", VOID, 43, "t-9"),
    ] {
        let reply = format!(
            r#"{{"ok":true,"outcome":"{outcome}","transaction":{transaction},"seq":{seq},"tx_id":"{tx_id}","duplicate":true}}"#
        );
        let server = Server::saying(&reply);
        let words = ["resolve", tx_id, "--server", &server.address];
        run(&words).assert_done(&format!("{outcome}\t{seq}\t{tx_id}\n"));
        run(&[&words[..], &["-q"]].concat()).assert_done(&format!("{outcome}\n"));
        let shown = table(&server.address, &["resolve", tx_id, "--utc"]);
        assert!(shown.out.starts_with(&format!("{outcome}\nseq ")), "{}", shown.out);
        assert_eq!(sent(&server)[0], json!({"cmd":"resolve","tx_id":tx_id}));
    }
}

#[test]
fn a_tx_id_that_is_voided_by_asking_comes_with_a_note() {
    let server = Server::saying(&format!(
        r#"{{"ok":true,"outcome":"voided","transaction":{VOID},"seq":43,"tx_id":"t-9"}}"#
    ));
    let ran = table(&server.address, &["resolve", "t-9", "--utc"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "voided\nseq    43\nat     2025-11-25 10:00:00Z\nkind   void\ntx_id  t-9\n")
    );
    assert_eq!(
        ran.err,
        "note: nothing had come under t-9; from now on nothing will be done under it\n"
    );
}

#[test]
fn a_resolve_without_an_answer_ends_with_5_and_the_command_that_asks_again() {
    let server = Server::start(|_| Say::Nothing);
    let ran = table(&server.address, &["resolve", "t-9", "--timeout", "200ms"]);
    assert_eq!((ran.code, ran.hinted_command()), (5, "saldo resolve t-9"));
}

#[test]
fn accounts_are_listed_and_counted() {
    let reply = r#"{"ok":true,"items":[{"user":"al","balance":5,"seq":3},{"user":"alice","balance":100,"seq":2}],"next_cursor":null,"count":2,"as_of":9}"#;
    let server = Server::saying(reply);
    let ran = table(&server.address, &["accounts", "al", "--count"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "al       5\nalice  100\n"));
    assert_eq!(ran.err, "note: 2 accounts in all begin with \"al\"\n");
    run(&["accounts", "al", "--json", "--server", &server.address])
        .assert_done(&format!("{reply}\n"));
    let piped = run(&["accounts", "--server", &server.address]);
    assert_eq!(piped.out, "al\t5\t3\nalice\t100\t2\n");
    let asked = sent(&server);
    assert_eq!(asked[0], json!({"cmd":"accounts","prefix":"al","count":true}));
    assert_eq!(asked[2], json!({"cmd":"accounts"}));
}

#[test]
fn totals_are_named_for_people_and_columns_for_programs() {
    let server = Server::saying(
        r#"{"ok":true,"accounts":2,"sum":152000,"money_in":152500,"money_out":500,"seq":6,"at":1764064800000007,"as_of":6}"#,
    );
    table(&server.address, &["totals", "--utc"]).assert_done(concat!(
        "accounts   2\n",
        "sum        152000\n",
        "money in   152500\n",
        "money out  500\n",
        "seq        6\n",
        "at         2025-11-25 10:00:00Z\n",
    ));
    run(&["totals", "--server", &server.address])
        .assert_done("2\t152000\t152500\t500\t6\t2025-11-25T10:00:00.000007Z\n");
    run(&["totals", "-q", "--server", &server.address]).assert_done("152000\n");
}

#[test]
fn a_balance_of_the_past_is_asked_for_by_seq_and_by_time() {
    let server = Server::saying(r#"{"ok":true,"user":"alice","balance":7,"as_of":41}"#);
    for at in ["41", "2025-11-25T10:00:00Z"] {
        table(&server.address, &["balance", "alice", "--at", at]).assert_done("alice  7\n");
    }
    let asked = sent(&server);
    assert_eq!(asked[0], json!({"cmd":"balance","user":"alice","at_seq":41}));
    let expected = json!({"cmd":"balance","user":"alice","at_time":1_764_064_800_000_000_u64});
    assert_eq!(asked[1], expected);
    let server = Server::saying(
        r#"{"ok":false,"error":"the position asked for lies ahead","code":"not_yet","as_of":3}"#,
    );
    let ran = table(&server.address, &["balance", "alice", "--at", "99"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("error[not_yet]"), "{}", ran.err);
}

#[test]
fn a_deadline_is_sent_with_every_write_and_stands_in_the_command_that_asks_again() {
    let server = Server::start(|_| Say::Nothing);
    for words in [&["deposit", "a", "5"][..], &["withdraw", "a", "5"], &["transfer", "a", "b", "5"]]
    {
        let more = ["--tx-id", "t", "--not-after", "2100-01-01T00:00:00Z", "--timeout", "200ms"];
        let ran = table(&server.address, &[words, &more[..]].concat());
        assert_eq!(ran.code, 5);
        let again = format!("saldo {} --tx-id t --not-after 4102444800000000", words.join(" "));
        assert_eq!(ran.hinted_command(), again);
    }
    assert!(sent(&server).iter().all(|line| line["not_after"] == json!(4_102_444_800_000_000_u64)));
    let server = Server::saying(
        r#"{"ok":false,"error":"the deadline 1 (not_after) has passed","code":"deadline_passed","as_of":4,"seq":4,"tx_id":"t"}"#,
    );
    let ran = table(&server.address, &["deposit", "a", "5", "--not-after", "1s"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("hint: give a later --not-after, and a new --tx-id"), "{}", ran.err);
}

#[test]
fn a_refusal_that_was_recorded_before_does_not_suggest_a_deposit() {
    let server = Server::saying(
        r#"{"ok":false,"error":"insufficient funds","code":"insufficient_funds","balance":4,"as_of":3,"seq":3,"tx_id":"w","duplicate":true}"#,
    );
    table(&server.address, &["withdraw", "alice", "5", "--tx-id", "w"]).assert_failed(
        1,
        "error[insufficient_funds]: insufficient funds\n  \
         hint: the answer under this tx_id stays no; take a new --tx-id to try anew\n",
    );
}

#[test]
fn what_is_wrong_is_told_before_anything_is_sent() {
    let server = Server::saying(&page(&[], None));
    for words in [
        &["statement", "alice", "--from", "yesterday"][..],
        &["statement", "alice", "--to", "-1"],
        &["statement", "alice", "--limit", "0"],
        &["statement", "alice", "--limit", "1001"],
        &["statement"],
        &["accounts", "--limit", "many"],
        &["balance", "a", "b", "--at", "1"],
        &["balance", "a", "--at", "2025-11-25"],
        &["deposit", "a", "5", "--not-after", "41"],
        &["tx", ""],
        &["resolve", ""],
    ] {
        let ran = table(&server.address, words);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words:?}: {}", ran.err);
        assert!(ran.err.starts_with("error["), "{words:?}: {}", ran.err);
    }
    assert!(server.heard().is_empty());
}
