//! Runs one operation of this crate so many times, to have its instructions counted:
//! `cargo xtask counts`.
#![expect(clippy::unwrap_used, reason = "names and amounts are constants of this file")]

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

use engine::embedded::{Core, Executed, Now, Options, Parts, open};
use engine::{Outcome, Request};
use journal::disk::SimDisk;
use journal::{Currency, Genesis, LedgerId};
use ledger::{AccountId, Amount, Balance, Command, Openings, Seq, Transfer, TxId};

const ACCOUNTS: u64 = 1_000;
/// Requests that are prepared, however many are run, so that preparing them is not counted.
const PREPARED: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [operation, times] = arguments.as_slice() else {
        return Err("usage: count_engine OPERATION TIMES".into());
    };
    let times: u64 = times.parse()?;
    match operation.as_str() {
        "execute-transfer" => execute(times, transfer),
        "execute-balance" => execute(times, balance),
        unknown => return Err(format!("no such operation: {unknown}").into()),
    }
    Ok(())
}

/// Runs `times` requests over a bank of [`ACCOUNTS`] accounts, each request another.
fn execute(times: u64, request: for<'n> fn(&'n [String], &'n str, u64) -> Request<'n>) {
    let genesis = Genesis { ledger: LedgerId(7), currency: Currency::new("BRL").unwrap() };
    let options = Options { recent_slots: 1 << 20, ..Options::new(genesis) };
    let disks = [(); 2].map(|()| Arc::new(SimDisk::new()));
    let [disk, index_disk] = disks;
    let Parts { core, .. } = open(disk, index_disk, &options).unwrap();
    let names: Vec<String> = (0..ACCOUNTS).map(|number| format!("customer-{number:06}")).collect();
    open_accounts(&core, &names);
    assert!(times <= PREPARED, "no more than {PREPARED}");
    let tx_ids: Vec<String> =
        (0..PREPARED).map(|number| format!("0199f3c2-5b1e-7a40-9c3d-{number:012x}")).collect();
    for (number, tx_id) in (0..times).zip(&tx_ids) {
        let request = request(&names, tx_id, number);
        let executed = core.execute(black_box(request), None, now());
        let Executed::Outcome(outcome) = black_box(executed) else { panic!("a new tx_id") };
        assert!(matches!(outcome, Outcome::Done { .. } | Outcome::Balance { .. }));
    }
}

fn now() -> Now {
    Now { us: 1_764_000_000_123_750, seq_durable: Seq::ZERO }
}

fn open_accounts(core: &Core<SimDisk>, names: &[String]) {
    let held = Balance::new(1_000_000).unwrap();
    let openings = names.iter().map(|name| (AccountId::new(name.as_str()).unwrap(), held));
    let request = Request::Write {
        command: Command::Init(Openings::new(openings.collect()).unwrap()),
        tx_id: TxId::new("opening").unwrap(),
        tx_id_given: true,
        not_after_us: None,
        by: None,
    };
    let executed = core.execute(request, None, now());
    assert!(matches!(executed, Executed::Outcome(Outcome::Done { .. })));
}

/// The name at a place that changes from request to request.
fn name(names: &[String], number: u64) -> AccountId<'_> {
    let place = usize::try_from(number % ACCOUNTS).unwrap();
    AccountId::new(names.get(place).unwrap().as_str()).unwrap()
}

fn transfer<'n>(names: &'n [String], tx_id: &'n str, number: u64) -> Request<'n> {
    // 7 and 11 have no divisor in common with the number of accounts, and never meet.
    let (from, to) = (name(names, number * 7), name(names, number * 7 + 11));
    let transfer = Transfer::new(from, to, Amount::new(1_250).unwrap()).unwrap();
    Request::Write {
        command: Command::Transfer(transfer),
        tx_id: TxId::new(tx_id).unwrap(),
        tx_id_given: true,
        not_after_us: None,
        by: None,
    }
}

fn balance<'n>(names: &'n [String], _tx_id: &'n str, number: u64) -> Request<'n> {
    Request::Balance(name(names, number * 7))
}
