//! Balance, deposit, withdrawal, transfer and shutdown: what they print, and how they end.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::run::{ran, run, saldo, shell, table};
use crate::server::{Say, Server};

const MOVED: &str = r#"{"ok":true,"before":100000,"after":102500,"seq":7,"tx_id":"t-1"}"#;
const TRANSFERRED: &str = r#"{"ok":true,"from":{"user":"alice","before":102500,"after":101723},"to":{"user":"bob","before":50000,"after":50777},"seq":8,"tx_id":"t-1"}"#;

#[test]
fn a_terminal_gets_a_table_and_a_pipe_gets_fixed_columns() {
    let server = Server::saying(MOVED);
    table(&server.address, &["deposit", "alice", "2500"]).assert_done("alice  100000 → 102500\n");
    let piped = run(&["deposit", "alice", "2500", "--server", &server.address]);
    piped.assert_done("alice\t100000\t102500\t7\tt-1\n");

    let server = Server::saying(TRANSFERRED);
    let words = ["transfer", "alice", "bob", "777", "--server", &server.address];
    table(&server.address, &words).assert_done("alice  102500 → 101723\nbob     50000 →  50777\n");
    run(&words).assert_done("alice\t102500\t101723\tbob\t50000\t50777\t8\tt-1\n");
}

#[test]
fn bare_values_are_the_resulting_balances() {
    let server = Server::saying(TRANSFERRED);
    let words = ["transfer", "alice", "bob", "777", "-q", "--server", &server.address];
    run(&words).assert_done("101723\n50777\n");
    let server = Server::saying(r#"{"ok":true,"user":"alice","balance":101723,"as_of":1}"#);
    run(&["balance", "alice", "-q", "--server", &server.address]).assert_done("101723\n");
}

#[test]
fn json_is_the_reply_as_it_came() {
    let reply = r#"{"ok": true,  "user":"jos\u00e9","balance":7,"as_of":3,"later":[1.50]}"#;
    let server = Server::saying(reply);
    let words = ["balance", "josé", "--json", "--server", &server.address];
    run(&words).assert_done(&format!("{reply}\n"));
}

#[test]
fn several_balances_are_asked_for_at_once() {
    let server = Server::saying(
        r#"{"ok":true,"balances":[{"user":"a","balance":1},{"user":"b","balance":20}],"as_of":3}"#,
    );
    table(&server.address, &["balance", "a", "b"]).assert_done("a   1\nb  20\n");
    assert_eq!(server.heard(), [r#"{"cmd":"balance","users":["a","b"]}"#]);
}

#[test]
fn an_account_that_does_not_exist_holds_nothing_and_a_note_says_so() {
    let reply = r#"{"ok":true,"user":"zed","balance":0,"exists":false,"as_of":3}"#;
    let server = Server::saying(reply);
    let ran = table(&server.address, &["balance", "zed"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "zed  0\n"));
    assert_eq!(ran.err, "note: there is no account \"zed\"; its first deposit opens it\n");
    run(&["balance", "zed", "--json", "--server", &server.address])
        .assert_done(&format!("{reply}\n"));
}

#[test]
fn a_name_that_deceives_the_eye_is_shown_by_number_in_a_table_and_as_it_is_elsewhere() {
    let server = Server::saying(r#"{"ok":true,"user":"a\u202eb","balance":5,"as_of":3}"#);
    table(&server.address, &["balance", "a\u{202e}b"]).assert_done("a\\u{202e}b  5\n");
    run(&["balance", "a\u{202e}b", "--server", &server.address]).assert_done("a\u{202e}b\t5\n");
}

#[test]
fn the_tx_id_that_was_given_is_sent_and_one_is_made_when_none_was() {
    let server = Server::saying(MOVED);
    for words in [&["deposit", "alice", "5", "--tx-id", "t-\"1"][..], &["deposit", "alice", "5"]] {
        assert_eq!(table(&server.address, words).code, 0);
    }
    let sent: Vec<Value> =
        server.heard().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = json!({"cmd":"deposit","user":"alice","amount":5,"tx_id":"t-\"1"});
    assert_eq!(sent[0], expected);
    assert_eq!(sent[1]["tx_id"].as_str().unwrap().len(), 36, "a UUID");
}

#[test]
fn a_duplicate_is_a_success_with_a_note() {
    let server = Server::saying(
        r#"{"ok":true,"before":1,"after":6,"seq":7,"tx_id":"t-1","duplicate":true}"#,
    );
    let ran = table(&server.address, &["deposit", "alice", "5", "--tx-id", "t-1"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "alice  1 → 6\n"));
    assert_eq!(
        ran.err,
        "note: the deposit t-1 had happened before; this is its first answer, nothing moved again\n"
    );
}

#[test]
fn short_funds_end_with_1_and_the_deposit_that_would_help() {
    let server = Server::saying(
        r#"{"ok":false,"error":"insufficient funds","code":"insufficient_funds","balance":4000,"as_of":3}"#,
    );
    table(&server.address, &["transfer", "alice", "bob", "5000"]).assert_failed(
        1,
        "error[insufficient_funds]: account \"alice\" holds 4000, the transfer needs 5000\n  \
         hint: saldo deposit alice 1000\n",
    );
    let words = ["withdraw", "alice", "5000", "--tx-id", "w", "--json"];
    let ran = table(&server.address, &words);
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.error_document(),
        json!({"ok":false,"code":"insufficient_funds",
            "error":"account \"alice\" holds 4000, the withdrawal needs 5000",
            "hint":"saldo deposit alice 1000","retryable":false,"tx_id":"w"})
    );
}

#[test]
fn what_is_wrong_on_the_command_line_is_told_before_anything_is_sent() {
    let server = Server::saying(MOVED);
    let address = server.address.as_str();
    table(address, &["deposit", "alice", "12.50"]).assert_failed(
        2,
        "error[invalid_amount]: amount \"12.50\" is no whole number of cents\n  \
         hint: write 1250 for 12.50\n",
    );
    for words in [
        &["deposit", "alice", "-5"][..],
        &["deposit", "alice", "0"],
        &["deposit", "", "5"],
        &["deposit", "@world", "5"],
        &["deposit", "alice", "5", "--tx-id", ""],
        &["deposit", "alice", "5", "--timeout", "5"],
        &["deposit", "alice", "5", "--server", "nowhere"],
        &["deposit", "alice"],
        &["deposit", "alice", "5", "-o", "xml"],
        &["depositt", "alice", "5"],
    ] {
        let ran = table(address, words);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words:?}: {}", ran.err);
        assert!(ran.err.starts_with("error["), "{words:?}: {}", ran.err);
    }
    assert_eq!(table(address, &["transfer", "a", "a", "5"]).code, 1);
    assert!(server.heard().is_empty());
}

#[test]
fn a_variable_with_nonsense_is_named() {
    let mut command = saldo(&["balance", "alice"]);
    ran(command.env("SALDO_OUTPUT", "xml").output().unwrap()).assert_failed(
        2,
        "error[usage]: SALDO_OUTPUT is \"xml\": it can be table, tsv, csv, json or jsonl\n",
    );
    let mut command = saldo(&["balance", "alice"]);
    ran(command.env("SALDO_SERVER", "here").output().unwrap()).assert_failed(
        2,
        "error[usage]: SALDO_SERVER is \"here\": it names no port\n  \
         hint: an address is host:port, as in 127.0.0.1:5000\n",
    );
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let server = Server::saying(r#"{"ok":true,"user":"alice","balance":7,"as_of":1}"#);
    let mut command = saldo(&["balance", "alice", "--server", &server.address]);
    let empty = ["SALDO_OUTPUT", "SALDO_TIMEOUT", "SALDO_SERVER"].map(|name| (name, ""));
    ran(command.envs(empty).output().unwrap()).assert_done("alice\t7\n");
}

#[test]
fn an_unreachable_server_is_named_with_the_origin_of_its_address() {
    // Port 1 of the loopback: nobody listens there without being root.
    table("127.0.0.1:1", &["balance", "alice"]).assert_failed(
        3,
        "error[unreachable]: no answer at 127.0.0.1:1 (from SALDO_SERVER): connection refused\n  \
         hint: start it with `saldo serve`, or name another with --server host:port\n",
    );
    let ran = run(&["deposit", "alice", "5", "--server", "127.0.0.1:1"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("no answer at 127.0.0.1:1 (from --server)"), "{}", ran.err);
}

#[test]
fn a_lost_answer_ends_with_5_and_a_command_that_settles_it_when_it_is_pasted() {
    let mut first = true;
    let server = Server::start(move |line| {
        if std::mem::take(&mut first) {
            return Say::Nothing;
        }
        let sent: Value = serde_json::from_str(line).unwrap();
        let leg = |side: &str| json!({"user":sent[side],"before":9,"after":9});
        let (from, to) = (leg("from"), leg("to"));
        let tx_id = &sent["tx_id"];
        Say::Line(
            json!({"ok":true,"from":from,"to":to,"seq":1,"tx_id":tx_id,"duplicate":true})
                .to_string(),
        )
    });
    let words = ["transfer", "o'brien & co", "$HOME", "777", "--timeout", "300ms"];
    let ran = run(&[&words[..], &["--server", &server.address]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (5, ""));
    let (text, hint) = ran.err.split_once('\n').unwrap();
    assert_eq!(
        text,
        "error[outcome_unknown]: the transfer was sent and no answer came within 300ms; it may have happened"
    );
    assert!(hint.ends_with("   (the same tx_id happens once)\n"), "{hint}");

    let settled = shell(ran.hinted_command());
    assert_eq!((settled.code, settled.out.lines().count()), (0, 1), "{}", settled.err);
    let heard = server.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[0], heard[1], "the very same request");
}

#[test]
fn a_lost_answer_in_json_carries_the_tx_id() {
    let server = Server::start(|_| Say::Nothing);
    let words = ["deposit", "alice", "5", "--tx-id", "t-1", "--timeout", "200ms", "--json"];
    let ran = table(&server.address, &words);
    assert_eq!(ran.code, 5);
    let document = ran.error_document();
    assert_eq!((&document["tx_id"], &document["retryable"]), (&json!("t-1"), &json!(true)));
}

#[test]
fn no_verb_waits_for_ever() {
    let server = Server::start(|_| Say::Nothing);
    table(&server.address, &["balance", "alice", "--timeout", "200ms"]).assert_failed(
        3,
        &format!(
            "error[unreachable]: no answer at {} (from SALDO_SERVER): no answer within 200ms\n  \
             hint: it may be busy: give it longer with --timeout 30s\n",
            server.address
        ),
    );
}

#[test]
fn what_speaks_another_protocol_is_told_from_a_bank() {
    let server = Server::saying("HTTP/1.1 400 Bad Request\r");
    let ran = table(&server.address, &["balance", "alice"]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    assert!(ran.err.contains("answered \"HTTP/1.1 400 Bad Request\\u{d}\""), "{}", ran.err);
    let ran = table(&server.address, &["deposit", "alice", "5"]);
    assert_eq!(ran.code, 5, "{}", ran.err);
}

#[test]
fn a_shutdown_shows_what_the_server_says_and_is_not_repeated() {
    let server = Server::saying(r#"{"ok":true,"msg":"shutting down"}"#);
    table(&server.address, &["shutdown"]).assert_done("shutting down\n");
    let server = Server::start(|_| Say::Goodbye);
    table(&server.address, &["shutdown"]).assert_failed(
        5,
        "error[outcome_unknown]: the shutdown was sent and no answer came \
         (the server closed the connection); it may have happened\n  hint: saldo shutdown\n",
    );
    assert_eq!(server.heard().len(), 1);
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let server = Server::saying(MOVED);
    let mut child = saldo(&["deposit", "alice", "5", "--server", &server.address])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn a_stdout_that_takes_nothing_is_an_error() {
    let server = Server::saying(MOVED);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = saldo(&["deposit", "alice", "5", "--server", &server.address]);
    ran(command.stdout(full).output().unwrap())
        .assert_failed(2, "error[stdout]: cannot write to stdout: no space left on device\n");
}

#[test]
fn colour_stands_only_where_it_was_asked_for() {
    let failing = ["deposit", "alice", "0"];
    assert!(!run(&failing).err.contains('\u{1b}'));
    let coloured = run(&[&failing[..], &["--color", "always"]].concat());
    assert!(coloured.err.starts_with("\u{1b}["), "{:?}", coloured.err);
    let mut command = saldo(&failing);
    assert!(!ran(command.env("NO_COLOR", "1").output().unwrap()).err.contains('\u{1b}'));
}

#[test]
fn help_is_an_answer_and_no_verb_is_a_mistake() {
    for words in [&["help"][..], &["--help"], &["help", "exit-codes"], &["transfer", "--help"]] {
        let ran = run(words);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{words:?}");
        assert!(ran.out.len() > 200, "{words:?}");
    }
    let ran = run(&[]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("Usage: saldo"), "{}", ran.err);
    let ran = run(&["fly", "--json"]);
    assert_eq!(ran.error_document()["code"], "usage");
}
