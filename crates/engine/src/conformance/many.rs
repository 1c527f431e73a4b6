//! Many requests that nobody chose, held against the naive bank one by one. The numbers come from a
//! fixed seed, so that every engine is asked the same.

use ledger::Command;

use super::Instance;
use super::ask::{
    balances, by, deposit, given, given_until, init, made, resolve, transfer, withdraw,
};
use super::books::{Books, FAR_US, PAST_US};
use crate::query::{Order, PAGE_MAX, Query, StatementPage};
use crate::seam::Request;

const NAMES: [&str; 4] = ["alice", "bob", "\u{e9}\"\\", "d"];

const BATCHES: u64 = 60;

/// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn name(&mut self) -> &'static str {
        let place = self.below(NAMES.len() as u64);
        NAMES.iter().copied().nth(usize::try_from(place).unwrap_or(0)).unwrap_or("alice")
    }

    fn units(&mut self) -> i64 {
        1 + i64::try_from(self.below(60)).unwrap_or(0)
    }

    fn command(&mut self) -> Command<'static> {
        let (one, units) = (self.name(), self.units());
        match self.below(10) {
            0..3 => deposit(one, units),
            3..5 => withdraw(one, units),
            5 => init(&[(one, units)]),
            _ => {
                let mut other = self.name();
                while other == one {
                    other = self.name();
                }
                transfer(one, other, units)
            }
        }
    }

    /// A request under one of so many tx_ids that some come again, with the same content or another.
    fn request(&mut self) -> Request<'static> {
        let tx_id = format!("m{}", self.below(150));
        match self.below(20) {
            0 => resolve(&tx_id),
            1 => balances(&NAMES),
            2 => given_until(self.command(), &tx_id, PAST_US),
            3 => given_until(self.command(), &tx_id, FAR_US),
            4..8 => made(self.command(), &tx_id),
            8..11 => by(given(self.command(), &tx_id), self.name()),
            11 => by(resolve(&tx_id), self.name()),
            _ => given(self.command(), &tx_id),
        }
    }
}

/// Every outcome, every event, every statement and the totals are those of the naive bank, also
/// after a restart.
pub async fn many_requests_are_answered_as_the_naive_bank_answers_them(instance: Instance) {
    let (mut numbers, mut books, mut instance) = (Numbers(0x5a1d0), Books::default(), instance);
    for batch in 0..BATCHES {
        let count = 1 + numbers.below(7);
        let requests = (0..count).map(|_| numbers.request()).collect();
        books.ask(&*instance.engine, requests).await;
        if batch == BATCHES / 2 {
            instance = instance.reopened().await;
        }
    }
    books.check(&*instance.engine, Query::Totals).await;
    for name in NAMES {
        let (from, to, after, end) = (None, None, None, None);
        let page =
            StatementPage { from, to, order: Order::OldestFirst, limit: PAGE_MAX, after, end };
        let account = super::ask::account(name);
        books.check(&*instance.engine, Query::Statement { account, page }).await;
    }
}
