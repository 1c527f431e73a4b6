//! A history as a journal gives it: groups of events with their places, and the names of the
//! accounts that they open. Made from a seed.

use history::Group;
use journal::disk::Disk;
use journal::{Hash, Head, LedgerId, Traces};
use ledger::Seq;

use crate::random::Random;

pub const LEDGER: LedgerId = LedgerId(0x7f3a);

#[derive(Clone, Debug)]
pub struct Event {
    pub hash: u64,
    pub accounts: Vec<u32>,
    pub line_bytes: u32,
    pub file_first: u64,
    pub offset: u64,
    pub at_us: u64,
}

/// The events of a journal, and where its groups end.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub events: Vec<Event>,
    pub heads: Vec<Head>,
    pub names: Vec<String>,
}

impl History {
    /// `groups` groups with up to `events_max` events each.
    pub fn random(random: &mut Random, groups: usize, events_max: u64) -> Self {
        let mut history = Self::default();
        let mut offset = 200;
        let mut file_first = 1;
        for _ in 0..groups {
            if random.happens(1, 9) {
                file_first = history.events.len() as u64 + 1;
                offset = 180 + random.below(40);
            }
            for _ in 0..=random.below(events_max) {
                history.add_event(random, file_first, &mut offset);
            }
            offset += 150;
            history.end_group();
        }
        history
    }

    fn add_event(&mut self, random: &mut Random, file_first: u64, offset: &mut u64) {
        let mut accounts: Vec<u32> = Vec::new();
        let opened = [0, 0, 0, 1, 1, 2, 2, 5][random.below(8) as usize];
        for _ in 0..opened {
            accounts.push(self.names.len() as u32);
            self.names.push(name(random, self.names.len()));
        }
        for _ in 0..random.below(3) {
            let known = self.names.len() as u64;
            // Half of what happens, happens to one account.
            let account = if random.happens(1, 2) { 0 } else { random.below(known.max(1)) as u32 };
            if known > 0 && !accounts.contains(&account) {
                accounts.push(account);
            }
        }
        // Few enough that some are the same, in one page and over the edge of pages.
        let hash = random.below(40) << 58 | random.below(20);
        let line_bytes = 60 + random.below(200) as u32;
        let at_us = self.events.last().map_or(1_000, |event| event.at_us) + random.below(4);
        self.events.push(Event { hash, accounts, line_bytes, file_first, offset: *offset, at_us });
        *offset += u64::from(line_bytes);
    }

    fn end_group(&mut self) {
        let seq = self.events.len() as u64;
        self.heads.push(Head {
            seq: Seq::new(seq),
            world: -i128::from(seq) * 7,
            at_us: self.events.last().map_or(0, |event| event.at_us),
            money_in: i128::from(seq) * 9,
            accounts_count: self.names.len() as u64,
        });
    }

    pub fn name_of(&self, number: u32) -> Option<String> {
        self.names.get(number as usize).cloned()
    }

    /// Appends the groups behind what was appended, at most `groups` of them; whether there were
    /// any.
    pub fn append<D: Disk>(&self, index: &history::History<D>, groups: usize) -> bool {
        let appended = index.appended();
        let next = self.heads.partition_point(|head| head.seq <= appended.seq);
        if appended.seq > Seq::ZERO {
            assert_eq!(self.heads[next - 1], appended, "a head that the journal never had");
        }
        let mut before = appended.seq.get() as usize;
        for head in self.heads.iter().skip(next).take(groups) {
            let mut traces = Traces::default();
            let end = head.seq.get() as usize;
            for event in &self.events[before..end] {
                traces.push(event.hash, event.line_bytes, &event.accounts);
            }
            let first = &self.events[before];
            index.append(Group {
                head: *head,
                seal: Hash::of(&head.seq.get().to_le_bytes()),
                traces: traces.slice(0, traces.len(), Seq::new(before as u64 + 1)),
                file_first: Seq::new(first.file_first),
                offset: first.offset,
            });
            before = end;
        }
        next < self.heads.len()
    }
}

/// A name that no other account has, with beginnings that many share.
fn name(random: &mut Random, number: usize) -> String {
    let beginnings = ["", "a", "al", "alice-", "ação-", "\u{10FFFF}", "bank/", "z"];
    let beginning = beginnings[random.below(8) as usize];
    let filling = "x".repeat(random.below(40) as usize);
    format!("{beginning}{:03}{filling}-{number}", random.below(1_000))
}
