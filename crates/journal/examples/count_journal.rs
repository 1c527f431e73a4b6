//! Runs one operation of this crate so many times, to have its instructions counted:
//! `cargo xtask counts`.
#![expect(clippy::unwrap_used, reason = "names and amounts are constants of this file")]

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

use journal::disk::SimDisk;
use journal::{
    Currency, Genesis, Hash, LedgerId, OpenOptions, Opened, Seal, Staged, lock_folder, open,
};
use ledger::{AccountId, Amount, Balance, Event, Leg, Seq};

/// Bytes of the group that is sealed.
const GROUP_BYTES: usize = 16 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [operation, times] = arguments.as_slice() else {
        return Err("usage: count_journal OPERATION TIMES".into());
    };
    let times: u64 = times.parse()?;
    match operation.as_str() {
        "stage-transfer" => stage_transfer(times),
        "seal-16-kib" => seal(times),
        unknown => return Err(format!("no such operation: {unknown}").into()),
    }
    Ok(())
}

fn stage_transfer(times: u64) {
    let genesis_if_new = Genesis { ledger: LedgerId(7), currency: Currency::new("BRL").unwrap() };
    let disk = Arc::new(SimDisk::new());
    let lock = lock_folder(&*disk).unwrap();
    let options = OpenOptions::new(genesis_if_new);
    let Opened { writer, .. } = open(disk, lock, &options, &|_| {}, |_| Ok(())).unwrap();
    let leg = |name, before, after| Leg {
        account: AccountId::new(name).unwrap(),
        before: Balance::new(before).unwrap(),
        after: Balance::new(after).unwrap(),
    };
    let event = Event::Transfer {
        from: leg("customer-000123", 1_000_000, 998_750),
        to: leg("customer-004567", 2_500, 3_750),
        amount: Amount::new(1_250).unwrap(),
    };
    let tx_id = "0199f3c2-5b1e-7a40-9c3d-2f6a8e1b7d05";
    for _ in 0..times {
        let staged = Staged::unindexed(1_764_000_000_123_750, black_box(tx_id), black_box(&event));
        let placed = writer.staging().stage(staged, || ([123, 4_567], 0));
        assert!(black_box(placed).is_ok());
    }
}

fn seal(times: u64) {
    let group = vec![b'x'; GROUP_BYTES];
    let (first, last) = (Seq::new(12_345_678), Seq::new(12_345_740));
    let mut line = Vec::with_capacity(1 << 10);
    for _ in 0..times {
        line.clear();
        let seal = Seal::over(first, last, -152_500, Hash::ZERO, black_box(&group));
        black_box(seal).encode(&mut line);
        black_box(&line);
    }
}
