//! Lines that are requests, and what they ask for.
#![expect(clippy::unwrap_used, reason = "a test stops where its own words are wrong")]

use ledger::{AccountId, Amount, Balance, Command, Openings, Transfer, TxId};
use proptest::prelude::*;
use protocol::{Incoming, parse_line};

fn account(name: &str) -> AccountId<'_> {
    AccountId::new(name).unwrap()
}

fn amount(minor_units: i64) -> Amount {
    Amount::new(minor_units).unwrap()
}

fn parsed(line: &str) -> Incoming<'_> {
    parse_line(line.as_bytes()).unwrap_or_else(|refusal| panic!("{refusal}: {line}"))
}

/// The tx_id that `line`, a write, gives.
fn tx_id_of(line: &str) -> Option<TxId<'_>> {
    let Incoming::Write { tx_id, .. } = parsed(line) else { panic!("no write: {line}") };
    tx_id
}

#[test]
fn every_command_of_the_original_is_read() {
    let transfer = Transfer::new(account("alice"), account("bob"), amount(777)).unwrap();
    assert_eq!(
        parsed(r#"{"cmd": "transfer", "from": "alice", "to": "bob", "amount": 777}"#),
        Incoming::Write { command: Command::Transfer(transfer), tx_id: None, not_after_us: None }
    );
    assert_eq!(
        parsed(r#"{"cmd": "deposit", "user": "alice", "amount": 2500, "tx_id": "dep-1"}"#),
        Incoming::Write {
            command: Command::Deposit { account: account("alice"), amount: amount(2500) },
            tx_id: Some(TxId::new("dep-1").unwrap()),
            not_after_us: None,
        }
    );
    assert_eq!(
        parsed(r#"{"cmd": "withdraw", "user": "josé", "amount": "007"}"#),
        Incoming::Write {
            command: Command::Withdraw { account: account("josé"), amount: amount(7) },
            tx_id: None,
            not_after_us: None,
        }
    );
    let balance = |minor_units| Balance::new(minor_units).unwrap();
    let openings = vec![(account("bob"), balance(50_000)), (account("alice"), balance(0))];
    assert_eq!(
        parsed(r#"{"cmd": "init_accounts", "accounts": {"bob": 50000, "alice": "0"}}"#),
        Incoming::Write {
            command: Command::Init(Openings::new(openings).unwrap()),
            tx_id: None,
            not_after_us: None
        }
    );
    assert_eq!(
        parsed(r#"{"cmd": "balance", "user": "alice"}"#),
        Incoming::Balance(account("alice"))
    );
    assert_eq!(
        parsed(r#"{"cmd": "balance", "users": ["bob", "alice", "bob"]}"#),
        Incoming::Balances(["bob", "alice", "bob"].map(account).to_vec())
    );
    assert_eq!(parsed(r#"{"cmd": "shutdown"}"#), Incoming::Shutdown);
}

#[test]
fn white_space_order_of_keys_and_unknown_keys_change_nothing() {
    let expected = Incoming::Balance(account("alice"));
    for line in [
        "{\"user\":\"alice\",\"cmd\":\"balance\"}\r",
        " \t{ \"cmd\" : \"balance\" , \"user\" : \"alice\" } \r",
        r#"{"note":{"cmd":"shutdown","a":[1.5,null,"{"]},"cmd":"balance","user":"alice","":0}"#,
        r#"{"\u0063md":"b\u0061lance","user":"\u0061lice"}"#,
        r#"{"cmd":"balance","user":"alice","amount":"x","tx_id":5,"accounts":[]}"#,
    ] {
        assert_eq!(parsed(line), expected, "{line}");
    }
}

#[test]
fn an_absent_null_or_empty_tx_id_is_none() {
    let line = |field: &str| format!(r#"{{"cmd":"deposit","user":"a","amount":1{field}}}"#);
    for field in ["", r#","tx_id":null"#, r#","tx_id":"""#] {
        assert_eq!(tx_id_of(&line(field)), None, "{field}");
    }
    let longest = "x".repeat(128);
    let given = line(&format!(r#","tx_id":"{longest}""#));
    assert_eq!(tx_id_of(&given), Some(TxId::new(longest.as_str()).unwrap()));
}

#[test]
fn every_write_takes_a_tx_id() {
    for line in [
        r#"{"cmd":"init_accounts","accounts":{},"tx_id":"t"}"#,
        r#"{"cmd":"deposit","user":"a","amount":1,"tx_id":"t"}"#,
        r#"{"cmd":"withdraw","user":"a","amount":1,"tx_id":"t"}"#,
        r#"{"cmd":"transfer","from":"a","to":"b","amount":1,"tx_id":"t"}"#,
    ] {
        assert_eq!(tx_id_of(line), Some(TxId::new("t").unwrap()), "{line}");
    }
}

#[test]
fn every_write_takes_a_deadline_and_null_is_none() {
    let writes = [
        r#"{"cmd":"init_accounts","accounts":{}"#,
        r#"{"cmd":"deposit","user":"a","amount":1"#,
        r#"{"cmd":"withdraw","user":"a","amount":1"#,
        r#"{"cmd":"transfer","from":"a","to":"b","amount":1"#,
    ];
    for write in writes {
        for (json, expected) in [
            ("1", Some(1)),
            ("1764000000000000", Some(1_764_000_000_000_000)),
            ("\"9223372036854775807\"", Some(i64::MAX.unsigned_abs())),
            ("null", None),
        ] {
            let line = format!("{write},\"not_after\":{json}}}");
            let Incoming::Write { not_after_us, .. } = parsed(&line) else { panic!("{line}") };
            assert_eq!(not_after_us, expected, "{line}");
        }
    }
}

#[test]
fn a_request_stays_small_whatever_can_be_asked() {
    let words = size_of::<Incoming<'_>>() / size_of::<usize>();
    assert!(words <= 12, "{words} words");
}

#[test]
fn the_longest_list_of_balances_is_read() {
    let names = vec![format!("\"{}\"", "\\u0061".repeat(64)); 1_000].join(",");
    let line = format!(r#"{{"cmd":"balance","users":[{names}]}}"#);
    assert!(matches!(parsed(&line), Incoming::Balances(users) if users.len() == 1_000));
}

#[test]
fn what_needs_no_unescaping_borrows_from_the_line() {
    let line = r#"{"cmd":"transfer","from":"alice","to":"josé","amount":1,"tx_id":"t-1"}"#;
    let Incoming::Write { command: Command::Transfer(transfer), tx_id: Some(tx_id), .. } =
        parsed(line)
    else {
        panic!("no transfer with a tx_id");
    };
    let within = line.as_bytes().as_ptr_range();
    for text in [transfer.from().as_str(), transfer.to().as_str(), tx_id.as_str()] {
        assert!(within.contains(&text.as_ptr()), "{text} was copied");
    }
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(line in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(refusal) = parse_line(&line) {
            prop_assert!(!refusal.to_string().is_empty());
        }
    }

    #[test]
    fn a_request_with_anything_done_to_one_byte_gets_an_answer(
        at in 0usize..70,
        byte in any::<u8>(),
    ) {
        let mut line = *br#"{"cmd":"transfer","from":"\u0061l","to":"bob","amount":7,"tx_id":"t"}"#;
        line[at.min(line.len() - 1)] = byte;
        if let Err(refusal) = parse_line(&line) {
            prop_assert!(!refusal.to_string().is_empty());
        }
    }

    #[test]
    fn a_request_means_what_serde_json_reads_in_it(
        from in "[a-z\"\\\\/é\u{1F600}]{1,6}",
        to in "[A-Z]{1,6}",
        number in 1i64..1 << 53,
        tx_id in "[ -~]{1,20}",
    ) {
        let value = serde_json::json!({
            "cmd": "transfer", "from": from, "to": to, "amount": number, "tx_id": tx_id,
        });
        let transfer = Transfer::new(account(&from), account(&to), amount(number)).unwrap();
        let line = value.to_string();
        prop_assert_eq!(parsed(&line), Incoming::Write {
            command: Command::Transfer(transfer),
            tx_id: Some(TxId::new(tx_id.as_str()).unwrap()),
            not_after_us: None,
        });
    }
}
