//! Looks up new tx_ids in an index, so many times, and does nothing else but open it: for a program
//! that counts instructions. The difference between two runs is what the look-ups take.
//!
//! ```sh
//! cargo run --release -p history --example load -- 50000000 FOLDER
//! valgrind --tool=callgrind target/release/examples/count_history FOLDER 100000
//! ```

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use history::{History, Options};
use journal::LedgerId;
use journal::disk::RealDisk;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, times] = arguments.as_slice() else {
        return Err("usage: count_history FOLDER TIMES".into());
    };
    let times: usize = times.parse()?;
    let disk = Arc::new(RealDisk::open(Path::new(folder))?);
    // The ledger that `load` writes for.
    let (index, opened) = History::open(disk, LedgerId(0x5a1d0), Options::default())?;
    let tx_ids: Vec<String> = (0..10_000).map(|number| format!("new-{number}")).collect();
    let passed = tx_ids
        .iter()
        .cycle()
        .take(times)
        .filter(|tx_id| index.may_hold(index.hash(black_box(tx_id))))
        .count();
    println!("{} events, {passed} of {times} pass", opened.indexed.seq);
    Ok(())
}
