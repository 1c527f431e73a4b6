//! The times of events: the past does not change once it was told, and a deadline is compared with the
//! time that the event gets. Execution is stepped through by hand, with clocks of the test's own.
#![cfg(not(feature = "shuttle"))] // whose locks work in the schedule explorer alone
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use engine::embedded::{Executed, Now, Options, Parts, Reads, Recaller, open};
use engine::query::Moment;
use engine::{Outcome, Query, Reading, Request};
use history::Group;
use journal::disk::SimDisk;
use journal::{Committed, Currency, Genesis, LedgerId};
use ledger::{AccountId, Amount, Command, Rejection, Seq, TxId};

struct Bank {
    parts: Parts<SimDisk>,
    recaller: Recaller<SimDisk>,
}

impl Bank {
    fn open() -> Self {
        let currency = Currency::new("BRL").unwrap();
        let options = Options::new(Genesis { ledger: LedgerId(7), currency });
        let disk = Arc::new(SimDisk::new());
        let parts = open(Arc::clone(&disk), Arc::new(SimDisk::new()), &options).unwrap();
        let recaller = parts.recaller(disk);
        Self { parts, recaller }
    }

    /// Executes by a clock that says `now_us`.
    fn execute(&self, request: Request<'static>, now_us: u64) -> Outcome<'static> {
        let now = Now { us: now_us, seq_durable: self.parts.history.appended().seq };
        match self.parts.core.execute(request, None, now) {
            Executed::Outcome(outcome) => outcome,
            Executed::Recall(request, _) => panic!("a new tx_id is not recalled: {request:?}"),
        }
    }

    /// Commits all that is staged, and gives it to the index.
    fn commit(&mut self) {
        while let Some(committed) = self.parts.writer.commit().unwrap() {
            let Committed { head, seal, traces, file_first, offset, .. } = committed;
            self.parts.history.append(Group { head, seal, traces, file_first, offset });
        }
    }

    /// Asks what alice held at `time_us`, by a clock that says `now_us`, as the engine does.
    fn held_at(&mut self, time_us: u64, now_us: u64) -> Reading {
        let query = Query::BalanceAt { account: alice(), at: Moment::Time(time_us) };
        let core = &self.parts.core;
        let settled = Reads::settle(core, &query, now_us);
        if settled > self.parts.history.appended().seq {
            self.commit();
        }
        Reads::new(&self.parts.core, &self.recaller).answer(query, now_us).unwrap()
    }
}

fn alice() -> AccountId<'static> {
    AccountId::new("alice").unwrap()
}

fn write(
    command: Command<'static>,
    tx_id: &'static str,
    deadline: Option<u64>,
) -> Request<'static> {
    let tx_id = TxId::new(tx_id).unwrap();
    Request::Write { command, tx_id, tx_id_given: true, not_after_us: deadline, by: None }
}

fn deposit(minor_units: i64, tx_id: &'static str) -> Request<'static> {
    let amount = Amount::new(minor_units).unwrap();
    write(Command::Deposit { account: alice(), amount }, tx_id, None)
}

#[test]
fn a_balance_of_the_past_is_the_same_after_a_batch_that_read_the_clock_before_it_was_told() {
    let mut bank = Bank::open();
    bank.execute(deposit(5, "first"), 100);
    let told = bank.held_at(150, 200);
    assert!(matches!(told, Reading::BalanceAt { balance: Some(_), as_of } if as_of == Seq::new(1)));
    bank.execute(deposit(7, "second"), 120);
    bank.commit();
    assert_eq!(bank.held_at(150, 300), told);
}

#[test]
fn a_balance_of_the_past_counts_what_was_staged_before_it_was_asked_for() {
    let mut bank = Bank::open();
    bank.execute(deposit(5, "first"), 100);
    bank.commit();
    bank.execute(deposit(7, "second"), 140);
    let told = bank.held_at(150, 200);
    assert!(matches!(told, Reading::BalanceAt { as_of, .. } if as_of == Seq::new(2)), "{told:?}");
}

#[test]
fn a_question_about_a_moment_that_lies_ahead_does_not_move_the_time_of_events() {
    let mut bank = Bank::open();
    for ahead_us in [200, u64::MAX] {
        assert!(matches!(bank.held_at(ahead_us, 200), Reading::NotYet { .. }));
    }
    bank.execute(deposit(5, "first"), 150);
    bank.commit();
    assert_eq!(bank.parts.core.staging().head().at_us, 150);
}

#[test]
fn a_request_that_is_late_by_the_time_it_gets_is_late_and_not_short_of_funds() {
    let mut bank = Bank::open();
    bank.execute(deposit(5, "first"), 200);
    bank.commit();
    // The clock went back, and times never decrease: this one is as late as the first.
    let amount = Amount::new(6).unwrap();
    let withdraw = write(Command::Withdraw { account: alice(), amount }, "second", Some(150));
    let mut unnamed = withdraw.clone();
    if let Request::Write { tx_id_given, .. } = &mut unnamed {
        *tx_id_given = false;
    }
    for (request, recorded) in [(unnamed, None), (withdraw, Some(Seq::new(2)))] {
        let Outcome::Refused { rejection, seq, .. } = bank.execute(request, 100) else {
            panic!("it is refused")
        };
        assert_eq!((rejection, seq), (Rejection::DeadlinePassed { not_after_us: 150 }, recorded));
    }
}
