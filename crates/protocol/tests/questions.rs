//! Lines that ask about history: what they ask for, and what is wrong with those that ask badly.
#![expect(clippy::unwrap_used, reason = "a test stops where its own words are wrong")]

use std::borrow::Cow;

use ledger::{AccountId, Seq, TxId};
use proptest::prelude::*;
use protocol::query::{
    AccountsPage, Moment, Named, Order, Query, Resume, StatementPage, TransactionsPage,
};
use protocol::{Code, Incoming, parse_line};

fn account(name: &str) -> AccountId<'_> {
    AccountId::new(name).unwrap()
}

/// The question in `line`.
fn asked(line: &str) -> Query<'_> {
    match parse_line(line.as_bytes()) {
        Ok(Incoming::Query(query)) => *query,
        Ok(other) => panic!("taken as {other:?}: {line}"),
        Err(refusal) => panic!("{refusal}: {line}"),
    }
}

/// Asserts that `line` is refused with `code` and `text`.
fn refused(line: &str, code: Code, text: &str) {
    let refusal = parse_line(line.as_bytes()).expect_err(line);
    assert_eq!((refusal.code(), refusal.to_string().as_str()), (code, text), "{line}");
}

/// `request` without its closing brace, with more `fields`.
fn with(request: &str, fields: &str) -> String {
    format!("{request}{fields}}}")
}

const TRANSACTIONS: &str = r#"{"cmd":"transactions""#;
const STATEMENT: &str = r#"{"cmd":"statement","user":"alice""#;
const ACCOUNTS: &str = r#"{"cmd":"accounts""#;

fn statement() -> StatementPage<'static> {
    StatementPage {
        account: account("alice"),
        from: None,
        to: None,
        order: Order::NewestFirst,
        limit: 100,
        resume: None,
    }
}

fn accounts() -> AccountsPage<'static> {
    AccountsPage { prefix: Cow::Borrowed(""), after: None, limit: 100, count: false }
}

#[test]
fn a_transaction_is_asked_for_by_tx_id_or_by_seq() {
    let by_tx_id = Query::Transaction(Named::TxId(TxId::new("d-1").unwrap()));
    assert_eq!(asked(r#"{"cmd":"transaction","tx_id":"d-1"}"#), by_tx_id);
    assert_eq!(asked(r#"{"cmd":"transaction","tx_id":"d-1","seq":null}"#), by_tx_id);
    let by_seq = Query::Transaction(Named::Seq(Seq::new(41)));
    assert_eq!(asked(r#"{"cmd":"transaction","seq":41}"#), by_seq);
    assert_eq!(asked(r#"{"cmd":"transaction","seq":"41","tx_id":null}"#), by_seq);

    let missing = "missing field: 'tx_id'";
    refused(r#"{"cmd":"transaction"}"#, Code::MissingField, missing);
    refused(r#"{"cmd":"transaction","tx_id":null,"seq":null}"#, Code::MissingField, missing);
    let both = "give 'tx_id' or 'seq', not both";
    refused(r#"{"cmd":"transaction","tx_id":"d-1","seq":41}"#, Code::InvalidRequest, both);
    refused(r#"{"cmd":"transaction","tx_id":""}"#, Code::InvalidTxId, "tx_id is empty");
    refused(r#"{"cmd":"transaction","tx_id":41}"#, Code::InvalidTxId, "tx_id must be a string");
    let range = "'seq' must be a whole number from 1 to 9223372036854775807";
    for json in ["0", "-1", "1.0", "1e3", "true", "\"x\"", "9223372036854775808", "[]"] {
        let line = format!(r#"{{"cmd":"transaction","seq":{json}}}"#);
        refused(&line, Code::InvalidRequest, range);
    }
}

#[test]
fn a_tx_id_is_resolved_by_name() {
    let resolve = Incoming::Resolve(TxId::new("t-1").unwrap());
    assert_eq!(parse_line(br#"{"cmd":"resolve","tx_id":"t-1"}"#).unwrap(), resolve);
    refused(r#"{"cmd":"resolve"}"#, Code::MissingField, "missing field: 'tx_id'");
    refused(r#"{"cmd":"resolve","tx_id":""}"#, Code::InvalidTxId, "tx_id is empty");
    refused(r#"{"cmd":"resolve","tx_id":null}"#, Code::InvalidTxId, "tx_id must be a string");
}

#[test]
fn a_page_of_the_log_says_from_where_to_where() {
    let all = TransactionsPage { from: None, to: None, limit: 100, resume: None };
    assert_eq!(asked(&with(TRANSACTIONS, "")), Query::Transactions(all.clone()));
    let part =
        TransactionsPage { from: Some(Seq::new(7)), to: Some(Seq::new(9)), limit: 1_000, ..all };
    let line = with(TRANSACTIONS, r#","from_seq":7,"to_seq":"9","limit":1000"#);
    assert_eq!(asked(&line), Query::Transactions(part));
}

#[test]
fn a_statement_says_whose_from_when_to_when_and_in_which_order() {
    assert_eq!(asked(&with(STATEMENT, "")), Query::Statement(statement()));
    let line = with(STATEMENT, r#","from_seq":null,"order":null,"limit":null,"cursor":null"#);
    assert_eq!(asked(&line), Query::Statement(statement()));
    let oldest = StatementPage {
        from: Some(Moment::Seq(Seq::ZERO)),
        to: Some(Moment::Time(1_764_000_000_000_000)),
        order: Order::OldestFirst,
        limit: 1,
        ..statement()
    };
    let line =
        with(STATEMENT, r#","from_seq":0,"to_time":1764000000000000,"order":"oldest","limit":1"#);
    assert_eq!(asked(&line), Query::Statement(oldest));

    let missing = "missing field: 'user'";
    refused(r#"{"cmd":"statement"}"#, Code::MissingField, missing);
    refused(r#"{"cmd":"statement","user":""}"#, Code::InvalidName, "account name is empty");
    let bad = |fields: &str, text: &str| {
        refused(&with(STATEMENT, fields), Code::InvalidRequest, text);
    };
    bad(r#","from_seq":1,"from_time":1"#, "give 'from_seq' or 'from_time', not both");
    bad(r#","to_seq":1,"to_time":1"#, "give 'to_seq' or 'to_time', not both");
    for order in ["\"Newest\"", "\"\"", "1", "true"] {
        bad(&format!(r#","order":{order}"#), "'order' must be \"newest\" or \"oldest\"");
    }
    for limit in ["0", "1001", "-1", "1.5", "\"\"", "true"] {
        let text = "'limit' must be a whole number from 1 to 1000";
        bad(&format!(r#","limit":{limit}"#), text);
    }
    for time in ["0", "-1", "\"2026-11-25\"", "1.5e15", "9223372036854775808"] {
        let text = "'to_time' must be a whole number of microseconds since the Unix epoch, \
                    from 1 to 9223372036854775807";
        bad(&format!(r#","to_time":{time}"#), text);
    }
}

#[test]
fn a_balance_can_be_asked_for_at_a_moment() {
    let at = |at| Query::BalanceAt { account: account("alice"), at };
    let line = |fields: &str| with(r#"{"cmd":"balance","user":"alice""#, fields);
    assert_eq!(asked(&line(r#","at_seq":0"#)), at(Moment::Seq(Seq::ZERO)));
    assert_eq!(asked(&line(r#","at_time":17"#)), at(Moment::Time(17)));
    let now = parse_line(br#"{"cmd":"balance","user":"alice","at_seq":null}"#).unwrap();
    assert_eq!(now, Incoming::Balance(account("alice")));

    let both = "give 'at_seq' or 'at_time', not both";
    refused(&line(r#","at_seq":1,"at_time":1"#), Code::InvalidRequest, both);
    let range = "'at_seq' must be a whole number from 0 to 9223372036854775807";
    refused(&line(r#","at_seq":"now""#), Code::InvalidRequest, range);
    let many = "'at_seq' and 'at_time' go with 'user', not with 'users'";
    let line = r#"{"cmd":"balance","users":["alice"],"at_time":1}"#;
    refused(line, Code::InvalidRequest, many);
}

#[test]
fn accounts_are_asked_for_by_the_beginning_of_their_names() {
    assert_eq!(asked(&with(ACCOUNTS, "")), Query::Accounts(accounts()));
    let page = AccountsPage { prefix: Cow::Borrowed("al"), limit: 7, count: true, ..accounts() };
    let line = with(ACCOUNTS, r#","prefix":"\u0061l","limit":7,"count":true"#);
    assert_eq!(asked(&line), Query::Accounts(page));
    let bad =
        |fields: &str, text: &str| refused(&with(ACCOUNTS, fields), Code::InvalidRequest, text);
    bad(r#","count":1"#, "'count' must be true or false");
    let prefix = "'prefix' must be a string of at most 64 bytes";
    bad(r#","prefix":5"#, prefix);
    bad(&format!(r#","prefix":"{}""#, "a".repeat(65)), prefix);
}

#[test]
fn totals_need_nothing() {
    assert_eq!(asked(r#"{"cmd":"totals"}"#), Query::Totals);
}

#[test]
fn deadlines_that_are_none_are_refused_behind_all_else() {
    let line = |json: &str| {
        format!(r#"{{"cmd":"deposit","user":"a","amount":1,"tx_id":"t","not_after":{json}}}"#)
    };
    let text = "'not_after' must be a whole number of microseconds since the Unix epoch, \
                from 1 to 9223372036854775807";
    for json in ["0", "-1", "1.0", "1e15", "true", "\"\"", "\"soon\"", "9223372036854775808", "{}"]
    {
        refused(&line(json), Code::InvalidRequest, text);
    }
    let line = r#"{"cmd":"deposit","user":"a","amount":1,"tx_id":5,"not_after":0}"#;
    refused(line, Code::InvalidTxId, "tx_id must be a string");
}

const NO_CURSOR: &str =
    "'cursor' is none that was given for this request: send the fields of the first page with it";

/// Asserts that `cursor` goes on with `own`, a request and more of its fields, and with nothing
/// else, and not when it is damaged.
fn belongs(cursor: &str, own: &[&str], others: &[&str]) {
    assert!(cursor.len() <= 144 && cursor.bytes().all(|byte| byte.is_ascii_graphic()), "{cursor}");
    let line = |request: &str| with(request, &format!(r#","cursor":"{cursor}""#));
    for request in own {
        assert!(parse_line(line(request).as_bytes()).is_ok(), "{request}");
    }
    for request in others {
        refused(&line(request), Code::InvalidRequest, NO_CURSOR);
    }
    for at in 0..cursor.len() {
        let cut = with(own[0], &format!(r#","cursor":"{}""#, &cursor[..at]));
        refused(&cut, Code::InvalidRequest, NO_CURSOR);
    }
    for json in ["5", "true", "\"\"", "[]", "\"s1.1-1.00000000\"", "\"s1\"", "\"\u{e9}.\u{e9}.\""] {
        refused(&with(own[0], &format!(r#","cursor":{json}"#)), Code::InvalidRequest, NO_CURSOR);
    }
}

#[test]
fn a_cursor_goes_on_with_the_request_that_it_was_given_for_and_with_no_other() {
    let resume = Resume { end: Seq::new(41), last: Seq::new(7) };
    let cursor = statement().cursor(resume);
    let limited = format!("{STATEMENT},\"limit\":3");
    let ordered = format!("{STATEMENT},\"order\":\"oldest\"");
    let later = format!("{STATEMENT},\"from_seq\":1");
    let timed = format!("{STATEMENT},\"to_time\":1");
    let other = r#"{"cmd":"statement","user":"bob""#;
    let others = [ordered.as_str(), &later, &timed, other, TRANSACTIONS, ACCOUNTS];
    belongs(&cursor, &[STATEMENT, &limited], &others);
    let line = with(STATEMENT, &format!(r#","cursor":"{cursor}""#));
    assert_eq!(
        asked(&line),
        Query::Statement(StatementPage { resume: Some(resume), ..statement() })
    );

    let page = TransactionsPage { from: None, to: None, limit: 100, resume: None };
    let cursor = page.cursor(resume);
    let bounded = format!("{TRANSACTIONS},\"to_seq\":1");
    belongs(&cursor, &[TRANSACTIONS], &[bounded.as_str(), STATEMENT, ACCOUNTS]);

    let cursor = accounts().cursor(&account("josé"));
    let prefixed = format!("{ACCOUNTS},\"prefix\":\"j\"");
    belongs(&cursor, &[ACCOUNTS], &[prefixed.as_str(), STATEMENT, TRANSACTIONS]);
    let line = with(ACCOUNTS, &format!(r#","cursor":"{cursor}""#));
    let after = Some(account("josé").into_owned());
    assert_eq!(asked(&line), Query::Accounts(AccountsPage { after, ..accounts() }));
}

proptest! {
    #[test]
    fn any_text_as_a_cursor_gets_an_answer(cursor in any::<String>()) {
        let line = serde_json::json!({"cmd": "statement", "user": "alice", "cursor": cursor});
        refused(&line.to_string(), Code::InvalidRequest, NO_CURSOR);
    }

    #[test]
    fn every_place_and_every_name_comes_back_from_its_cursor(
        end in 0u64..1 << 63,
        last in 0u64..1 << 63,
        name in "[^@\\p{Cc}]\\PC{0,15}",
    ) {
        let resume = Resume { end: Seq::new(end), last: Seq::new(last) };
        let line = with(STATEMENT, &format!(r#","cursor":"{}""#, statement().cursor(resume)));
        let page = StatementPage { resume: Some(resume), ..statement() };
        prop_assert_eq!(asked(&line), Query::Statement(page));
        let cursor = accounts().cursor(&account(&name));
        let line = with(ACCOUNTS, &format!(r#","cursor":"{cursor}""#));
        let after = Some(account(&name).into_owned());
        prop_assert_eq!(asked(&line), Query::Accounts(AccountsPage { after, ..accounts() }));
    }
}
