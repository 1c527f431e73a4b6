//! What the replies about history look like, byte for byte, and that each is JSON.
#![expect(clippy::unwrap_used, reason = "a test stops where its own words are wrong")]

use ledger::{
    AccountId, Amount, Balance, By, Command, Event, Leg, Openings, Refused, Rejection, Seq,
    Transaction, Transfer, TxId,
};
use proptest::prelude::*;
use protocol::limits::PAGE_BYTES;
use protocol::reply::history::{self, Line, Statement, Totals};

fn account(name: &str) -> AccountId<'_> {
    AccountId::new(name).unwrap()
}

fn balance(minor_units: i64) -> Balance {
    Balance::new(minor_units).unwrap()
}

fn leg(name: &str, before: i64, after: i64) -> Leg<'_> {
    Leg { account: account(name), before: balance(before), after: balance(after) }
}

fn transaction(event: Event<'_>) -> Transaction<'_> {
    let tx_id = TxId::new("t-\"1").unwrap();
    Transaction { seq: Seq::new(41), tx_id, by: None, event, at_us: 1_764 }
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

/// What stands in a transaction between its tx_id and its time.
fn middle(event: Event<'_>) -> String {
    let found = transaction(event);
    let written = line(|out| history::transaction(out, Some(&found), Seq::new(50)));
    let inner = written.strip_prefix(r#"{"ok":true,"transaction":{"seq":41,"tx":"#).unwrap();
    inner.strip_suffix(r#","at":1764},"as_of":50}"#).unwrap().to_owned()
}

#[test]
fn every_kind_of_transaction_has_its_own_form() {
    let amount = Amount::new(777).unwrap();
    assert_eq!(
        middle(Event::Deposit { leg: leg("alice", 0, 777), amount }),
        r#""deposit","tx_id":"t-\"1","user":"alice","amount":777,"before":0,"after":777"#
    );
    assert_eq!(
        middle(Event::Withdraw { leg: leg("alice", 777, 0), amount }),
        r#""withdraw","tx_id":"t-\"1","user":"alice","amount":777,"before":777,"after":0"#
    );
    let (from, to) = (leg("alice", 1000, 223), leg("bob", -5, 772));
    assert_eq!(
        middle(Event::Transfer { from, to, amount }),
        concat!(
            r#""transfer","tx_id":"t-\"1","from":{"user":"alice","before":1000,"after":223},"#,
            r#""to":{"user":"bob","before":-5,"after":772},"amount":777"#
        )
    );
    assert_eq!(
        middle(Event::Init { legs: vec![leg("b", 9, 2), leg("a", 0, 7)] }),
        concat!(
            r#""init","tx_id":"t-\"1","accounts":{"b":{"before":9,"after":2},"#,
            r#""a":{"before":0,"after":7}}"#
        )
    );
    assert_eq!(middle(Event::Init { legs: vec![] }), r#""init","tx_id":"t-\"1","accounts":{}"#);
    assert_eq!(middle(Event::Void), r#""void","tx_id":"t-\"1""#);
}

#[test]
fn who_did_it_stands_before_the_time_in_every_kind_of_transaction() {
    let openings = Openings::new(vec![(account("a"), balance(1))]).unwrap();
    let rejection = Rejection::DeadlinePassed { not_after_us: 5 };
    for event in [
        Event::Init { legs: vec![leg("a", 0, 7)] },
        Event::Refused(Refused { command: Command::Init(openings), rejection }),
        Event::Void,
    ] {
        let by = Some(By::new("user:\"ana").unwrap());
        let found = Transaction { by, ..transaction(event.clone()) };
        let written = line(|out| history::transaction(out, Some(&found), Seq::new(50)));
        let expected = format!(r#"{},"by":"user:\"ana","at":1764}},"as_of":50}}"#, middle(event));
        assert!(written.ends_with(&expected), "{written}");
    }
}

#[test]
fn a_recorded_refusal_says_why_what_was_asked_and_what_it_rests_on() {
    let amount = Amount::new(9).unwrap();
    let short = Rejection::InsufficientFunds { balance: balance(3) };
    let late = Rejection::DeadlinePassed { not_after_us: 1_763 };
    let refused = |command, rejection: &Rejection| {
        middle(Event::Refused(Refused { command, rejection: rejection.clone() }))
    };
    assert_eq!(
        refused(Command::Withdraw { account: account("alice"), amount }, &short),
        concat!(
            r#""refused","tx_id":"t-\"1","code":"insufficient_funds","cmd":"withdraw","#,
            r#""user":"alice","amount":9,"balance":3"#
        )
    );
    assert_eq!(
        refused(Command::Deposit { account: account("alice"), amount }, &late),
        concat!(
            r#""refused","tx_id":"t-\"1","code":"deadline_passed","cmd":"deposit","#,
            r#""user":"alice","amount":9,"not_after":1763"#
        )
    );
    let transfer = Transfer::new(account("alice"), account("bob"), amount).unwrap();
    assert_eq!(
        refused(Command::Transfer(transfer), &short),
        concat!(
            r#""refused","tx_id":"t-\"1","code":"insufficient_funds","cmd":"transfer","#,
            r#""from":"alice","to":"bob","amount":9,"balance":3"#
        )
    );
    let openings = vec![(account("a"), balance(1)), (account("b"), balance(0))];
    assert_eq!(
        refused(Command::Init(Openings::new(openings).unwrap()), &late),
        concat!(
            r#""refused","tx_id":"t-\"1","code":"deadline_passed","cmd":"init_accounts","#,
            r#""accounts":{"a":1,"b":0},"not_after":1763"#
        )
    );
}

#[test]
fn no_transaction_is_refused_with_the_position() {
    assert_eq!(
        line(|out| history::transaction(out, None, Seq::new(7))),
        concat!(
            r#"{"ok":false,"error":"there is no such transaction","#,
            r#""code":"unknown_transaction","as_of":7}"#
        )
    );
    assert_eq!(
        line(|out| history::not_yet(out, Seq::new(7))),
        r#"{"ok":false,"error":"the position asked for lies ahead","code":"not_yet","as_of":7}"#
    );
}

#[test]
fn a_resolved_tx_id_is_done_refused_or_voided() {
    let amount = Amount::new(1).unwrap();
    let command = Command::Withdraw { account: account("a"), amount };
    let rejection = Rejection::InsufficientFunds { balance: balance(0) };
    for (event, outcome) in [
        (Event::Init { legs: vec![] }, "done"),
        (Event::Deposit { leg: leg("a", 0, 1), amount }, "done"),
        (Event::Withdraw { leg: leg("a", 1, 0), amount }, "done"),
        (Event::Transfer { from: leg("a", 1, 0), to: leg("b", 0, 1), amount }, "done"),
        (Event::Refused(Refused { command, rejection }), "refused"),
        (Event::Void, "voided"),
    ] {
        let found = transaction(event);
        let written = line(|out| history::resolved(out, &found, true));
        let head = format!(r#"{{"ok":true,"outcome":"{outcome}","transaction":{{"seq":41,"#);
        assert!(written.starts_with(&head), "{written}");
        assert!(written.ends_with(r#","seq":41,"tx_id":"t-\"1","duplicate":true}"#), "{written}");
    }
    assert_eq!(
        line(|out| history::resolved(out, &transaction(Event::Void), false)),
        concat!(
            r#"{"ok":true,"outcome":"voided","transaction":{"seq":41,"tx":"void","#,
            r#""tx_id":"t-\"1","at":1764},"seq":41,"tx_id":"t-\"1"}"#
        )
    );
}

#[test]
fn a_page_of_the_log_says_where_the_next_one_begins() {
    let found = [transaction(Event::Void), transaction(Event::Void)];
    let cursor = |last: Seq| format!("behind-{last}");
    let void = r#"{"seq":41,"tx":"void","tx_id":"t-\"1","at":1764}"#;
    assert_eq!(
        line(|out| history::transactions(out, &found, None, Seq::new(41), cursor)),
        format!(r#"{{"ok":true,"items":[{void},{void}],"next_cursor":null,"as_of":41}}"#)
    );
    assert_eq!(
        line(|out| history::transactions(out, &[], Some(Seq::new(43)), Seq::new(50), cursor)),
        r#"{"ok":true,"items":[],"next_cursor":"behind-42","as_of":50}"#
    );
}

#[test]
fn a_page_of_the_log_ends_early_when_its_transactions_are_large() {
    let names: Vec<String> = (0..10_000).map(|n| format!("{n:032}")).collect();
    let legs: Vec<_> = names.iter().map(|name| leg(name, 0, 1)).collect();
    let found: Vec<_> = (1..=10)
        .map(|seq| Transaction {
            seq: Seq::new(seq),
            ..transaction(Event::Init { legs: legs.clone() })
        })
        .collect();
    let cursor = |last: Seq| format!("behind-{last}");
    let written = line(|out| history::transactions(out, &found, None, Seq::new(10), cursor));
    assert!(written.len() > PAGE_BYTES && written.len() < 2 * PAGE_BYTES);
    let reply: serde_json::Value = serde_json::from_str(&written).unwrap();
    let items = reply["items"].as_array().unwrap();
    assert!((1..10).contains(&items.len()));
    assert_eq!(items.last().unwrap()["seq"], items.len());
    assert_eq!(reply["next_cursor"], format!("behind-{}", items.len()));
}

#[test]
fn a_statement_has_its_lines_and_what_they_sum_to() {
    let (alice, bob) = (account("alice"), account("bob"));
    let (tx_id, other_id) = (TxId::new("t-1").unwrap(), TxId::new("t-2").unwrap());
    let ana = By::new("user:ana").unwrap();
    let lines = [
        Line {
            seq: Seq::new(3),
            at_us: 1_764,
            kind: "transfer",
            other: Some(&bob),
            change: -777,
            after: balance(223),
            tx_id: &tx_id,
            by: Some(&ana),
        },
        Line {
            seq: Seq::new(1),
            at_us: 1_763,
            kind: "init",
            other: None,
            change: 1000,
            after: balance(1000),
            tx_id: &other_id,
            by: None,
        },
    ];
    let page = Statement {
        account: &alice,
        exists: true,
        before: balance(0),
        after: balance(223),
        next_cursor: Some("s1.x"),
        as_of: Seq::new(9),
    };
    assert_eq!(
        line(|out| history::statement(out, &page, lines)),
        concat!(
            r#"{"ok":true,"user":"alice","items":["#,
            r#"{"seq":3,"at":1764,"tx":"transfer","other":"bob","amount":-777,"balance":223,"#,
            r#""tx_id":"t-1","by":"user:ana"},"#,
            r#"{"seq":1,"at":1763,"tx":"init","amount":1000,"balance":1000,"tx_id":"t-2"}],"#,
            r#""balance_before":0,"balance_after":223,"next_cursor":"s1.x","as_of":9}"#
        )
    );
    let nobody = Statement { exists: false, after: balance(0), next_cursor: None, ..page };
    assert_eq!(
        line(|out| history::statement(out, &nobody, [])),
        concat!(
            r#"{"ok":true,"user":"alice","items":[],"balance_before":0,"balance_after":0,"#,
            r#""exists":false,"next_cursor":null,"as_of":9}"#
        )
    );
}

#[test]
fn accounts_come_with_their_last_change_and_are_counted_when_asked() {
    let (alice, bob) = (account("alice"), account("bob"));
    let items = [(&alice, balance(5), Seq::new(3)), (&bob, balance(0), Seq::new(2))];
    assert_eq!(
        line(|out| history::accounts(out, items, Some("a1.x"), Some(7), Seq::new(9))),
        concat!(
            r#"{"ok":true,"items":[{"user":"alice","balance":5,"seq":3},"#,
            r#"{"user":"bob","balance":0,"seq":2}],"next_cursor":"a1.x","count":7,"as_of":9}"#
        )
    );
    assert_eq!(
        line(|out| history::accounts(out, [], None, None, Seq::ZERO)),
        r#"{"ok":true,"items":[],"next_cursor":null,"as_of":0}"#
    );
}

#[test]
fn totals_are_told_at_the_last_event() {
    let totals = Totals {
        accounts_count: 2,
        sum: 152_000,
        money_in: 9_007_199_254_740_991 * 1_000,
        money_out: 500,
        seq: Seq::new(6),
        at_us: 1_764,
    };
    assert_eq!(
        line(|out| history::totals(out, &totals)),
        concat!(
            r#"{"ok":true,"accounts":2,"sum":152000,"money_in":9007199254740991000,"#,
            r#""money_out":500,"seq":6,"at":1764,"as_of":6}"#
        )
    );
}

proptest! {
    #[test]
    fn whatever_the_names_are_a_transaction_is_one_json_object_with_them_in_it(
        from in "[^@\\p{Cc}]{1,16}",
        to in "[^@\\p{Cc}]{1,16}",
        id in "[^\\p{Cc}]{1,32}",
        by in "[^\\p{Cc}]{0,16}",
        before in any::<i32>(),
    ) {
        prop_assume!(from != to);
        let amount = Amount::new(1).unwrap();
        let event = Event::Transfer {
            from: leg(&from, before.into(), i64::from(before) - 1),
            to: leg(&to, 0, 1),
            amount,
        };
        let found = Transaction {
            seq: Seq::new(1),
            tx_id: TxId::new(id.as_str()).unwrap(),
            by: By::new(by.as_str()).ok(),
            event,
            at_us: 7,
        };
        let written = line(|out| history::transaction(out, Some(&found), Seq::new(1)));
        let reply: serde_json::Value = serde_json::from_str(&written).unwrap();
        let mut expected = serde_json::json!({
            "seq": 1, "tx": "transfer", "tx_id": id,
            "from": {"user": from, "before": before, "after": i64::from(before) - 1},
            "to": {"user": to, "before": 0, "after": 1},
            "amount": 1, "at": 7,
        });
        if !by.is_empty() {
            expected["by"] = by.into();
        }
        prop_assert_eq!(&reply["transaction"], &expected);
    }
}
