//! Runs one operation of this crate so many times, to have its instructions counted:
//! `cargo xtask counts`.
#![expect(clippy::unwrap_used, reason = "names and amounts are constants of this file")]

use std::env;
use std::error::Error;
use std::hint::black_box;

use ledger::{AccountId, Amount, Balance, Command, Transfer, decide};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [operation, times] = arguments.as_slice() else {
        return Err("usage: count_ledger OPERATION TIMES".into());
    };
    let times: u64 = times.parse()?;
    match operation.as_str() {
        "decide-transfer" => decide_transfer(times),
        unknown => return Err(format!("no such operation: {unknown}").into()),
    }
    Ok(())
}

fn decide_transfer(times: u64) {
    let account = |name| AccountId::new(name).unwrap();
    let (from, to) = (account("customer-000123"), account("customer-004567"));
    let transfer = Transfer::new(from, to, Amount::new(1_250).unwrap()).unwrap();
    let balances = [Balance::new(1_000_000).unwrap(), Balance::new(2_500).unwrap()];
    for _ in 0..times {
        let command = Command::Transfer(black_box(&transfer).clone());
        assert!(black_box(decide(command, black_box(&balances))).is_ok());
    }
}
