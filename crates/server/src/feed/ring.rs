//! The latest pages, for all who follow closely.

use std::collections::VecDeque;

use ledger::{Seq, Transaction};

use super::Page;

/// Most that is kept, counted in transactions and the accounts in them: a few MiB.
const WEIGHT_MAX: usize = 32_768;

/// Pages one behind the other, without a gap between them.
#[derive(Default)]
pub(super) struct Ring {
    pages: VecDeque<Page>,
    weight: usize,
}

impl Ring {
    /// Adds the page behind the last one, and forgets the oldest ones.
    pub(super) fn push(&mut self, page: Page) {
        self.weight += weight(&page);
        self.pages.push_back(page);
        while self.weight > WEIGHT_MAX && self.pages.len() > 1 {
            if let Some(oldest) = self.pages.pop_front() {
                self.weight -= weight(&oldest);
            }
        }
    }

    /// Forgets everything: what comes next does not follow upon it.
    pub(super) fn clear(&mut self) {
        self.pages.clear();
        self.weight = 0;
    }

    /// The transactions of one page from `from` on; `None` when it is not among the latest.
    pub(super) fn page(&self, from: Seq) -> Option<Page> {
        let ends_before = |page: &Page| page.last().is_none_or(|last| last.seq < from);
        let page = self.pages.get(self.pages.partition_point(ends_before))?;
        let place = page.iter().position(|transaction| transaction.seq == from)?;
        if place == 0 {
            return Some(page.clone());
        }
        page.get(place..).map(Page::from)
    }
}

fn weight(page: &[Transaction<'static>]) -> usize {
    page.iter().map(|transaction| 1 + transaction.event.legs().count()).sum()
}

#[cfg(test)]
mod tests {
    use ledger::{Event, TxId};

    use super::*;

    fn page(from: u64, to: u64) -> Page {
        let transaction = |seq| Transaction {
            seq: Seq::new(seq),
            tx_id: TxId::new(format!("t{seq}")).unwrap(),
            by: None,
            event: Event::Void,
            at_us: seq,
        };
        (from..=to).map(transaction).collect()
    }

    fn found(ring: &Ring, from: u64) -> Option<(u64, u64)> {
        let page = ring.page(Seq::new(from))?;
        Some((page.first()?.seq.get(), page.last()?.seq.get()))
    }

    #[test]
    fn a_page_begins_where_the_follower_stands() {
        let mut ring = Ring::default();
        ring.push(page(11, 20));
        ring.push(page(21, 21));
        ring.push(page(22, 40));
        assert_eq!(found(&ring, 10), None);
        assert_eq!(found(&ring, 11), Some((11, 20)));
        assert_eq!(found(&ring, 20), Some((20, 20)));
        assert_eq!(found(&ring, 21), Some((21, 21)));
        assert_eq!(found(&ring, 30), Some((30, 40)));
        assert_eq!(found(&ring, 41), None);
        ring.clear();
        assert_eq!(found(&ring, 30), None);
    }

    #[test]
    fn the_oldest_pages_go_when_there_are_too_many_and_the_last_one_stays() {
        let mut ring = Ring::default();
        for n in 0..100 {
            ring.push(page(n * 1_000 + 1, n * 1_000 + 1_000));
        }
        assert!(ring.weight <= WEIGHT_MAX && ring.pages.len() == WEIGHT_MAX / 1_000);
        assert_eq!(found(&ring, 1), None);
        assert_eq!(found(&ring, 100_000), Some((100_000, 100_000)));
        ring.push(page(100_001, 200_000));
        assert_eq!((ring.pages.len(), ring.weight), (1, 100_000));
    }
}
