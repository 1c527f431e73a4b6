//! What replies look like, byte for byte, and that each is JSON.
#![expect(clippy::unwrap_used, reason = "a test stops where its own words are wrong")]

use ledger::{AccountId, Amount, Balance, Command, Event, Leg, Refused, Rejection, Seq, TxId};
use proptest::prelude::*;
use protocol::reply::{self, Standing};
use protocol::{Code, parse_line};

fn account(name: &str) -> AccountId<'_> {
    AccountId::new(name).unwrap()
}

fn balance(minor_units: i64) -> Balance {
    Balance::new(minor_units).unwrap()
}

fn leg(name: &str, before: i64, after: i64) -> Leg<'_> {
    Leg { account: account(name), before: balance(before), after: balance(after) }
}

fn tx_id(text: &str) -> TxId<'_> {
    TxId::new(text).unwrap()
}

/// The one line that `write` appends behind what is there already, without its line feed.
fn line(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = b"before".to_vec();
    write(&mut out);
    let text = String::from_utf8(out).unwrap();
    let line = text.strip_prefix("before").unwrap().strip_suffix('\n').unwrap().to_owned();
    assert!(!line.contains('\n'));
    serde_json::from_str::<serde_json::Value>(&line).unwrap();
    line
}

fn done(event: &Event<'_>, duplicate: bool) -> String {
    line(|out| reply::done(out, event, Seq::new(42), &tx_id("t-1"), duplicate))
}

#[test]
fn a_change_is_answered_with_what_happened_its_seq_and_its_tx_id() {
    let amount = Amount::new(777).unwrap();
    let deposit = Event::Deposit { leg: leg("alice", 0, 777), amount };
    assert_eq!(
        done(&deposit, false),
        r#"{"ok":true,"before":0,"after":777,"seq":42,"tx_id":"t-1"}"#
    );
    let withdraw = Event::Withdraw { leg: leg("alice", 777, 0), amount };
    assert_eq!(
        done(&withdraw, false),
        r#"{"ok":true,"before":777,"after":0,"seq":42,"tx_id":"t-1"}"#
    );
    let transfer =
        Event::Transfer { from: leg("alice", 1000, 223), to: leg("jo\"é", -5, 772), amount };
    assert_eq!(
        done(&transfer, false),
        concat!(
            r#"{"ok":true,"from":{"user":"alice","before":1000,"after":223},"#,
            r#""to":{"user":"jo\"é","before":-5,"after":772},"seq":42,"tx_id":"t-1"}"#
        )
    );
    let init = Event::Init { legs: vec![leg("b", 9, 2), leg("a", 0, 9_007_199_254_740_991)] };
    assert_eq!(
        done(&init, false),
        r#"{"ok":true,"accounts":{"b":2,"a":9007199254740991},"seq":42,"tx_id":"t-1"}"#
    );
    let nothing = Event::Init { legs: vec![] };
    assert_eq!(done(&nothing, false), r#"{"ok":true,"accounts":{},"seq":42,"tx_id":"t-1"}"#);
}

#[test]
fn a_duplicate_is_answered_with_the_original_results_and_says_so() {
    let amount = Amount::new(1).unwrap();
    let deposit = Event::Deposit { leg: leg("alice", 4, 5), amount };
    assert_eq!(
        done(&deposit, true),
        r#"{"ok":true,"before":4,"after":5,"seq":42,"tx_id":"t-1","duplicate":true}"#
    );
    let command = Command::Withdraw { account: account("alice"), amount };
    let rejection = Rejection::InsufficientFunds { balance: balance(0) };
    assert_eq!(
        done(&Event::Refused(Refused { command, rejection }), true),
        concat!(
            r#"{"ok":false,"error":"insufficient funds","code":"insufficient_funds","balance":0,"#,
            r#""as_of":42,"seq":42,"tx_id":"t-1","duplicate":true}"#
        )
    );
}

#[test]
fn a_balance_is_answered_with_its_position_and_an_unknown_account_with_zero() {
    let (alice, zed, as_of) = (account("alice"), account("zed"), Seq::new(7));
    assert_eq!(
        line(|out| reply::balance(out, &alice, Some(balance(100_000)), as_of)),
        r#"{"ok":true,"user":"alice","balance":100000,"as_of":7}"#
    );
    assert_eq!(
        line(|out| reply::balance(out, &zed, None, as_of)),
        r#"{"ok":true,"user":"zed","balance":0,"exists":false,"as_of":7}"#
    );
    assert_eq!(
        line(|out| reply::balances(out, [(&alice, Some(balance(1))), (&zed, None)], as_of)),
        concat!(
            r#"{"ok":true,"balances":[{"user":"alice","balance":1},"#,
            r#"{"user":"zed","balance":0,"exists":false}],"as_of":7}"#
        )
    );
}

#[test]
fn a_rejection_says_what_it_rests_on_and_where_it_was_recorded() {
    let rejection = Rejection::InsufficientFunds { balance: balance(0) };
    let unrecorded = Standing::unrecorded(Seq::new(8), None);
    assert_eq!(
        line(|out| reply::rejected(out, &rejection, &unrecorded)),
        concat!(
            r#"{"ok":false,"error":"insufficient funds","code":"insufficient_funds","balance":0,"#,
            r#""as_of":8}"#
        )
    );
    let tx_id = tx_id("t\\1");
    let recorded = Standing {
        as_of: Seq::new(9),
        seq: Some(Seq::new(9)),
        tx_id: Some(&tx_id),
        duplicate: true,
    };
    let rejection = Rejection::BalanceOutOfRange { balance: balance(5) };
    assert_eq!(
        line(|out| reply::rejected(out, &rejection, &recorded)),
        concat!(
            r#"{"ok":false,"error":"the receiving balance would pass 9007199254740991","#,
            r#""code":"balance_out_of_range","balance":5,"as_of":9,"seq":9,"tx_id":"t\\1","#,
            r#""duplicate":true}"#
        )
    );
    let conflict = Standing::unrecorded(Seq::new(3), Some(&tx_id));
    assert_eq!(
        line(|out| reply::rejected(out, &Rejection::TxIdReused, &conflict)),
        concat!(
            r#"{"ok":false,"error":"tx_id was already used for another request","#,
            r#""code":"tx_id_reused","as_of":3,"tx_id":"t\\1"}"#
        )
    );
}

#[test]
fn the_text_of_a_rejection_is_the_ledgers_own() {
    let rejection = Rejection::InsufficientFunds { balance: balance(0) };
    let written =
        line(|out| reply::rejected(out, &rejection, &Standing::unrecorded(Seq::ZERO, None)));
    let reply: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(reply["error"], rejection.to_string());
}

#[test]
fn a_line_that_is_no_request_is_answered_with_its_code_and_a_position() {
    let refusal = parse_line(br#"{"cmd":"\"\u001b"}"#).unwrap_err();
    assert_eq!(
        line(|out| reply::refused(out, &refusal, Seq::new(5))),
        r#"{"ok":false,"error":"unknown cmd '\"\\u{1b}'","code":"unknown_cmd","as_of":5}"#
    );
}

#[test]
fn a_lost_answer_names_the_tx_id_to_ask_with() {
    let text = "the answer was lost";
    let asked = tx_id("t-1");
    assert_eq!(
        line(|out| reply::failed(out, Code::OutcomeUnknown, text, Seq::new(5), Some(&asked))),
        concat!(
            r#"{"ok":false,"error":"the answer was lost","code":"outcome_unknown","#,
            r#""as_of":5,"tx_id":"t-1"}"#
        )
    );
}

#[test]
fn shutdown_is_answered_as_the_original_answers_it() {
    assert_eq!(line(reply::shutting_down), r#"{"ok":true,"msg":"shutting down"}"#);
}

proptest! {
    #[test]
    fn whatever_the_names_are_a_reply_is_one_json_object_with_them_in_it(
        name in "[^@\\p{Cc}]{1,16}",
        id in "[^\\p{Cc}]{1,32}",
        before in any::<i32>(),
        after in any::<i32>(),
    ) {
        let event = Event::Deposit {
            leg: leg(&name, before.into(), after.into()),
            amount: Amount::new(1).unwrap(),
        };
        let written = line(|out| reply::done(out, &event, Seq::new(1), &tx_id(&id), false));
        let reply: serde_json::Value = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(&reply["tx_id"], &serde_json::json!(id));
        prop_assert_eq!(&reply["after"], &serde_json::json!(after));
        let written = line(|out| reply::balance(out, &account(&name), None, Seq::ZERO));
        let reply: serde_json::Value = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(&reply["user"], &serde_json::json!(name));
    }
}
