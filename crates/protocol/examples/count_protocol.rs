//! Runs one operation of this crate so many times, to have its instructions counted:
//! `cargo xtask counts`.
#![expect(clippy::unwrap_used, reason = "names and amounts are constants of this file")]

use std::env;
use std::error::Error;
use std::hint::black_box;

use ledger::{AccountId, Amount, Balance, Event, Leg, Seq, TxId};
use protocol::lines::{self, Front, Portion};
use protocol::{parse_line, reply};

const TRANSFER: &str = concat!(
    r#"{"cmd":"transfer","from":"customer-000123","to":"customer-004567","amount":1250,"#,
    r#""tx_id":"0199f3c2-5b1e-7a40-9c3d-2f6a8e1b7d05"}"#
);
/// The same as the JSON writers of most languages put it by default.
const TRANSFER_SPACED: &str = concat!(
    r#"{"cmd": "transfer", "from": "customer-000123", "to": "customer-004567", "amount": 1250, "#,
    r#""tx_id": "0199f3c2-5b1e-7a40-9c3d-2f6a8e1b7d05"}"#
);
/// The same with an escape, which only the general parser reads.
const TRANSFER_ESCAPED: &str = concat!(
    r#"{"cmd":"transfer","from":"customer\u002d000123","to":"customer-004567","amount":1250,"#,
    r#""tx_id":"0199f3c2-5b1e-7a40-9c3d-2f6a8e1b7d05"}"#
);
const BALANCE: &str = r#"{"cmd":"balance","user":"customer-000123"}"#;
/// Lines in one batch of the operation `find-lines`.
const LINES: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [operation, times] = arguments.as_slice() else {
        return Err("usage: count_protocol OPERATION TIMES".into());
    };
    let times: u64 = times.parse()?;
    match operation.as_str() {
        "parse-transfer" => parse(TRANSFER, times),
        "parse-transfer-spaced" => parse(TRANSFER_SPACED, times),
        "parse-transfer-escaped" => parse(TRANSFER_ESCAPED, times),
        "parse-balance" => parse(BALANCE, times),
        "find-64-lines" => find_lines(times),
        "reply-transfer" => reply_transfer(times),
        "reply-balance" => reply_balance(times),
        unknown => return Err(format!("no such operation: {unknown}").into()),
    }
    Ok(())
}

fn parse(line: &str, times: u64) {
    for _ in 0..times {
        assert!(black_box(parse_line(black_box(line.as_bytes()))).is_ok());
    }
}

fn find_lines(times: u64) {
    let unread = format!("{TRANSFER}\n").repeat(LINES).into_bytes();
    let portion = Portion { line_bytes_max: 1 << 20, lines_max: 1_024, bytes_max: 64 << 10 };
    for _ in 0..times {
        let Front::Lines { bytes, lines: count } = lines::front(black_box(&unread), 0, portion)
        else {
            panic!("there are lines")
        };
        let taken = unread.get(..bytes).unwrap();
        let split = lines::split(black_box(taken)).map(|line| black_box(line).len().min(1));
        assert_eq!(split.sum::<usize>(), black_box(count));
    }
}

fn account(name: &'static str) -> AccountId<'static> {
    AccountId::new(name).unwrap()
}

fn reply_transfer(times: u64) {
    let leg = |name, before, after| Leg {
        account: account(name),
        before: Balance::new(before).unwrap(),
        after: Balance::new(after).unwrap(),
    };
    let event = Event::Transfer {
        from: leg("customer-000123", 1_000_000, 998_750),
        to: leg("customer-004567", 2_500, 3_750),
        amount: Amount::new(1_250).unwrap(),
    };
    let tx_id = TxId::new("0199f3c2-5b1e-7a40-9c3d-2f6a8e1b7d05").unwrap();
    let mut out = Vec::with_capacity(1 << 10);
    for _ in 0..times {
        out.clear();
        reply::done(&mut out, black_box(&event), Seq::new(12_345_678), black_box(&tx_id), false);
        black_box(&out);
    }
}

fn reply_balance(times: u64) {
    let account = account("customer-000123");
    let mut out = Vec::with_capacity(1 << 10);
    for _ in 0..times {
        out.clear();
        let (held, as_of) = (Balance::new(998_750), Seq::new(12_345_678));
        reply::balance(&mut out, black_box(&account), black_box(held), as_of);
        black_box(&out);
    }
}
