//! `docs/formats.md` shows the bytes of a small run; here they are compared with those written.

use std::fmt::Write;
use std::sync::Arc;

use history::{Group, Options};
use journal::disk::SimDisk;
use journal::{Hash, Head, LedgerId, Traces};
use ledger::Seq;

const PAGE: &str = include_str!("../../../../docs/formats.md");

/// Every page of a run: its payload without the zeros behind it, and its checksum.
fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (number, page) in bytes.chunks(4_096).enumerate() {
        let (payload, checksum) = page.split_at(4_092);
        let end = payload.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        writeln!(text, "page {number}").unwrap();
        for line in payload[..end].chunks(32) {
            writeln!(text, "  {}", hex(line)).unwrap();
        }
        writeln!(text, "  checksum {}", hex(checksum)).unwrap();
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_run_on_the_page_is_the_one_that_is_written() {
    let disk = Arc::new(SimDisk::new());
    let ledger = LedgerId(0x7f3a);
    history::fix_key(&*disk, ledger, 0x0102_0304_0506_0708).unwrap();
    let options = Options::default();
    let (index, _) = history::History::open(Arc::clone(&disk), ledger, options).unwrap();
    let mut traces = Traces::default();
    traces.push(0x3000_0000_0000_0001, 140, &[0, 1]);
    traces.push(0x1000_0000_0000_0002, 110, &[0]);
    traces.push(0x2000_0000_0000_0003, 130, &[0, 1]);
    let head = Head {
        seq: Seq::new(3),
        world: -152_500,
        at_us: 1_764_000_000_000_002,
        money_in: 152_500,
        accounts_count: 2,
    };
    let traces = traces.slice(0, 3, Seq::new(1));
    let seal = Hash::of(b"the group of seqs 1 to 3");
    index.append(Group { head, seal, traces, file_first: Seq::new(1), offset: 257 });
    let names = ["bob".to_owned(), "alice".to_owned()];
    let name_of = |number: u32| names.get(number as usize).cloned();
    while index.work(&name_of, true).unwrap() != history::Work::Idle {}
    let written = shown(&disk.cached_bytes("run.1-3.idx").unwrap());
    assert!(PAGE.contains(&format!("```text\n{written}```")), "{written}");
    let key = hex(&disk.cached_bytes("KEY").unwrap());
    assert!(PAGE.contains(&key), "{key}");
}
