use ledger::Openings;
use proptest::prelude::*;

use super::*;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("alice".to_owned()), Just("a\"b\\c".to_owned()), "[a-zé\"\\\\]{1,30}"]
}

fn event() -> impl Strategy<Value = (Command<'static>, Vec<Balance>)> {
    let account = name().prop_map(|name| AccountId::new(name).unwrap()).boxed();
    let amount = (1..=9_007_199_254_740_991_i64).prop_map(|n| Amount::new(n).unwrap());
    let balance = (0..=9_007_199_254_740_991_i64).prop_map(|n| Balance::new(n).unwrap()).boxed();
    (account.clone(), account, amount, balance.clone(), balance, 0..4).prop_map(
        |(one, two, amount, first, second, kind)| match kind {
            0 => (Command::Deposit { account: one, amount }, vec![first]),
            1 => (Command::Withdraw { account: one, amount }, vec![first]),
            2 if one != two => {
                let transfer = Transfer::new(one, two, amount).unwrap();
                (Command::Transfer(transfer), vec![first, second])
            }
            _ => {
                let openings = Openings::new(vec![(one, second)]).unwrap();
                (Command::Init(openings), vec![first])
            }
        },
    )
}

proptest! {
    #[test]
    fn every_event_reads_back_and_is_json_and_keeps_its_bound(
        (command, balances) in event(), seq in 1..u64::MAX, tx_id in "[ -~é]{1,64}", at_us: u64,
        by in proptest::option::of("[ -~é]{1,32}"),
    ) {
        let by = by.map(|by| By::new(by).unwrap());
        let bound = bytes_max(&command, &tx_id, by.as_ref());
        let event = match ledger::decide(command, &balances) {
            Ok(event) => event,
            Err(refused) => Event::Refused(refused),
        };
        let mut line = Vec::new();
        encode(&mut line, Seq::new(seq), &tx_id, by.as_ref().map(By::as_str), &event, at_us);
        prop_assert!(line.len() <= bound, "{} > {bound}", line.len());
        prop_assert_eq!(line.pop(), Some(b'\n'));
        let json: serde_json::Value = serde_json::from_slice(&line).unwrap();
        prop_assert_eq!(json["tx_id"].as_str(), Some(tx_id.as_str()));
        let entry = decode(&line).unwrap();
        prop_assert_eq!(json["by"].as_str(), by.as_ref().map(By::as_str));
        prop_assert_eq!(&entry.by, &by);
        prop_assert_eq!(entry.seq, Seq::new(seq));
        prop_assert_eq!(entry.at_us, at_us);
        prop_assert_eq!(entry.tx_id.as_str(), tx_id.as_str());
        prop_assert_eq!(entry.event, event);
    }

    #[test]
    fn a_changed_line_is_no_line_or_another_event(
        (command, balances) in event(), position: prop::sample::Index, flip in 1_u8..=255,
        is_named: bool,
    ) {
        let by = is_named.then_some("user:ana");
        let Ok(event) = ledger::decide(command, &balances) else { return Ok(()) };
        let mut line = Vec::new();
        encode(&mut line, Seq::new(7), "t-1", by, &event, 5);
        line.pop();
        let original = line.clone();
        let position = position.index(line.len());
        line[position] ^= flip;
        let changed = decode(&line);
        prop_assert!(changed.is_none() || changed != decode(&original));
    }
}

#[test]
fn the_lines_of_the_seed_keep_their_form() {
    let amount = Amount::new(777).unwrap();
    let account = |name: &'static str| AccountId::new(name).unwrap();
    let balance = |n| Balance::new(n).unwrap();
    let transfer = Event::Transfer {
        from: Leg { account: account("alice"), before: balance(102_500), after: balance(101_723) },
        to: Leg { account: account("bob"), before: balance(50_000), after: balance(50_777) },
        amount,
    };
    let mut line = Vec::new();
    encode(&mut line, Seq::new(42), "5f53", None, &transfer, 1_764_000_000_000_000);
    let expected = concat!(
        r#"{"seq":42,"tx":"transfer","tx_id":"5f53","from":"alice","to":"bob","amount":777,"#,
        r#""after_from":101723,"after_to":50777,"at":1764000000000000}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(line).unwrap(), expected);
}

#[test]
fn a_name_of_who_did_it_in_another_place_or_form_is_no_line() {
    let mut line = Vec::new();
    encode(&mut line, Seq::new(7), "t-1", Some("user:ana"), &Event::Void, 5);
    let written = r#"{"seq":7,"tx":"void","tx_id":"t-1","by":"user:ana","at":5}"#;
    assert_eq!(line.strip_suffix(b"\n"), Some(written.as_bytes()));
    assert_eq!(decode(written.as_bytes()).unwrap().by, By::new("user:ana").ok());
    for other in [
        r#"{"seq":7,"tx":"void","by":"user:ana","tx_id":"t-1","at":5}"#,
        r#"{"seq":7,"tx":"void","tx_id":"t-1","at":5,"by":"user:ana"}"#,
        r#"{"seq":7,"tx":"void","tx_id":"t-1","by":"user:ana","by":"user:ana","at":5}"#,
        r#"{"seq":7,"tx":"void","tx_id":"t-1","by":"","at":5}"#,
        r#"{"seq":7,"tx":"void","tx_id":"t-1","by":null,"at":5}"#,
        r#"{"seq":7,"tx":"void","tx_id":"t-1","by":"user:\u0061na","at":5}"#,
    ] {
        assert_eq!(decode(other.as_bytes()), None, "{other}");
    }
    let long = format!(r#"{{"seq":7,"tx":"void","tx_id":"t-1","by":"{}","at":5}}"#, "x".repeat(65));
    assert_eq!(decode(long.as_bytes()), None);
}

#[test]
fn a_void_keeps_its_bound_whoever_asked_for_it() {
    let by = By::new("\"".repeat(64)).unwrap();
    for by in [None, Some(&by)] {
        let tx_id = "\\".repeat(128);
        let mut line = Vec::new();
        let name = by.map(By::as_str);
        encode(&mut line, Seq::new(u64::MAX), &tx_id, name, &Event::Void, u64::MAX);
        assert!(line.len() <= bytes_max_void(&tx_id, by), "{}", line.len());
    }
}

#[test]
fn an_init_that_fills_a_wire_line_with_short_names_fits_in_one_record() {
    // The shortest openings, `"abcd":0,`, as many as one line of 1 MiB holds.
    let count = (1 << 20) / 9;
    let names: Vec<String> = (0..count).map(|n| format!("{n:04x}")).collect();
    let openings: Vec<_> =
        names.iter().map(|name| (AccountId::new(name.as_str()).unwrap(), Balance::ZERO)).collect();
    let command = Command::Init(Openings::new(openings).unwrap());
    let long = By::new("\"".repeat(64)).unwrap();
    let bound = bytes_max(&command, "t", Some(&long));
    assert!(bound <= crate::limits::RECORD_BYTES_MAX, "{bound}");

    let before = vec![Balance::new(9_007_199_254_740_991).unwrap(); count];
    let event = ledger::decide(command, &before).unwrap();
    let mut line = Vec::new();
    encode(&mut line, Seq::new(u64::MAX), "t", Some(long.as_str()), &event, u64::MAX);
    assert!(line.len() <= bound, "{} > {bound}", line.len());
}
