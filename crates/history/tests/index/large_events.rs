//! Events that open very many accounts, as those do that set balances: what they take is bounded as
//! what many small ones take is.

use std::sync::Arc;

use history::{Group, Options, Work};
use journal::disk::SimDisk;
use journal::{Hash, Head, Traces};
use ledger::Seq;

use crate::against_naive::{TINY, open};

const ACCOUNTS: u32 = 2_000;

/// An event that opens the next accounts. It weighs as much as 500 events.
fn open_accounts(index: &history::History<SimDisk>) {
    let before = index.appended();
    let first = u32::try_from(before.accounts_count).unwrap();
    let accounts: Vec<u32> = (first..first + ACCOUNTS).collect();
    let mut traces = Traces::default();
    traces.push(u64::from(first), 7, &accounts);
    let seq = before.seq.next();
    let accounts_count = u64::from(first + ACCOUNTS);
    let head = Head { seq, at_us: seq.get(), accounts_count, ..Head::default() };
    let traces = traces.slice(0, 1, seq);
    let (seal, offset) = (Hash::ZERO, 200 + 7 * seq.get());
    index.append(Group { head, seal, traces, file_first: Seq::new(1), offset });
}

/// Names whose order is not that of the numbers.
fn name(number: u32) -> String {
    format!("{}-{}", number % 7, number * 7_919 % 100_003)
}

#[test]
fn an_event_of_many_accounts_fills_a_chunk_and_a_run_as_many_events_do() {
    let options = Options { chunk_events: 1_000, run_events: 2_000, ..TINY };
    let (index, _) = open(&Arc::new(SimDisk::new()), options);
    let mut flushed = Vec::new();
    for _ in 0..9 {
        open_accounts(&index);
        loop {
            match index.flush(&|number| Some(name(number)), false).unwrap() {
                Work::Idle => break,
                Work::Flushed(seq) => flushed.push(seq.get()),
                Work::Sorted | Work::Merged => {}
            }
        }
        let waiting = index.appended().seq.get() - index.indexed().get();
        assert_eq!(index.lag_events(), 500 * waiting);
    }
    assert_eq!(flushed, [4, 8]);
}

#[test]
fn a_page_of_names_is_right_however_many_names_nobody_has_sorted() {
    let (index, _) = open(&Arc::new(SimDisk::new()), Options::default());
    open_accounts(&index);
    open_accounts(&index);
    let mut sorted: Vec<(String, u32)> = (0..2 * ACCOUNTS).map(|n| (name(n), n)).collect();
    sorted.sort();
    for prefix in ["", "3-", "6-9", "x"] {
        let matching: Vec<&(String, u32)> =
            sorted.iter().filter(|(name, _)| name.starts_with(prefix)).collect();
        for limit in [1, 20, 700] {
            let (mut after, mut listed): (Option<String>, Vec<u32>) = (None, Vec::new());
            loop {
                let page = index
                    .names(prefix, after.as_deref(), limit, true, &|number| Some(name(number)))
                    .unwrap();
                assert_eq!(page.count, Some(matching.len() as u64), "{prefix:?}");
                listed.extend(&page.numbers);
                assert_eq!(page.more, listed.len() < matching.len(), "{prefix:?} {limit}");
                if !page.more || listed.len() > 2_000 / 20 * limit {
                    break;
                }
                assert_eq!(page.numbers.len(), limit);
                after = page.numbers.last().map(|number| name(*number));
            }
            let expected: Vec<u32> =
                matching.iter().take(listed.len()).map(|(_, number)| *number).collect();
            assert_eq!(listed, expected, "{prefix:?} {limit}");
        }
    }
}
