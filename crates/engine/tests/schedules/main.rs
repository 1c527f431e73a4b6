//! The embedded engine's execution and group commit under a schedule explorer, which decides at
//! every lock which thread goes on: thousands of schedules for each scenario, by chance and by
//! priorities with few changes (PCT). A schedule that ends in a deadlock has failed.
//!
//! `cargo test -p engine --features shuttle,planted --test schedules`. `SALDO_SCHEDULES` sets how
//! many schedules a scenario gets from each explorer. A failing one is printed with its seed, and
//! `SHUTTLE_RANDOM_SEED` repeats it, unless it took two keys that fell into one shard of a table
//! by the chance of their hashes.
//!
//! Not here: tokio and the engine's own threads (`races`); what a power cut leaves (`sim`). The disk
//! is the simulated one, whose own lock the explorer does not see; it is never held while one that
//! it sees is taken.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bank;
#[path = "../history/mod.rs"]
mod history;

use std::sync::Arc;

use bank::{
    Bank, NOW_US, account, balances, checkpoint, deposit, init, resolve, transfer, unnamed, write,
};
use engine::embedded::{Durability, Executed, Lost, Now, Reads, open};
use engine::query::Moment;
use engine::{Outcome, Query, Reading, Request};
use history::{Told, sum_of};
use journal::Plants;
use journal::disk::SimDisk;
use ledger::{Balance, Event, Seq};
use shuttle::future::block_on;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};

/// Schedules of a scenario from each of the two explorers.
const SCHEDULES: usize = 3_000;

/// Changes of priority in a PCT schedule: most faults of concurrency need no more than two.
const PRIORITY_CHANGES: usize = 3;

/// Runs schedules of `scenario` from both explorers; panics at the first that fails.
fn explore(scenario: fn(Plants)) {
    let plants = Plants::default();
    runner(RandomScheduler::new(schedules_count())).run(move || scenario(plants));
    runner(PctScheduler::new(PRIORITY_CHANGES, schedules_count())).run(move || scenario(plants));
}

fn schedules_count() -> usize {
    std::env::var("SALDO_SCHEDULES").map_or(SCHEDULES, |count| count.parse().unwrap())
}

fn runner<S: Scheduler + 'static>(scheduler: S) -> Runner<S> {
    let mut config = Config::new();
    // Opening a ledger takes more than the explorer's default.
    config.stack_size = 512 << 10;
    Runner::new(scheduler, config)
}

fn opposite_transfers(plants: Plants) {
    let mut bank = Bank::open(plants);
    bank.clients(
        &[
            &[write(transfer("a", "b", 10), "t1"), write(transfer("a", "b", 20), "t2")],
            &[write(transfer("b", "a", 5), "t3"), write(transfer("b", "a", 120), "t4")],
        ],
        |_| {},
    );
    bank.judge();
}

fn opposite_transfers_with_a_reader_of_both(plants: Plants) {
    let mut bank = Bank::open(plants);
    bank.clients(
        &[
            &[write(transfer("a", "b", 10), "t1"), write(transfer("a", "b", 20), "t2")],
            &[write(transfer("b", "a", 5), "t3"), write(transfer("b", "a", 120), "t4")],
            &[balances(&["b", "a"]), balances(&["a", "b"])],
        ],
        |_| {},
    );
    for (_, outcome) in &bank.told {
        assert!(sum_of(outcome).is_none_or(|sum| sum == 200), "{outcome:?}");
    }
    bank.judge();
}

fn a_ring_of_transfers_with_balances_set_and_read(plants: Plants) {
    let mut bank = Bank::open(plants);
    bank.clients(
        &[
            &[write(transfer("a", "b", 10), "t1"), unnamed(transfer("a", "b", 101), "t2")],
            &[write(transfer("b", "c", 10), "t3")],
            &[write(transfer("c", "a", 10), "t4")],
            &[write(init(&[("c", 100), ("a", 100), ("b", 100)]), "t5")],
            &[balances(&["c", "a", "b", "a"])],
        ],
        |_| {},
    );
    bank.judge();
}

fn openers_of_one_account(plants: Plants) {
    let mut bank = Bank::open(plants);
    bank.clients(
        &[
            &[write(transfer("a", "new", 10), "t1")],
            &[write(transfer("b", "new", 5), "t2"), write(deposit("new", 1), "t3")],
            &[write(init(&[("other", 3), ("new", 7)]), "t4"), write(transfer("new", "a", 1), "t5")],
            &[balances(&["a", "new"]), balances(&["new", "other", "b"])],
        ],
        |_| {},
    );
    let checkpoint = checkpoint(&bank, 100);
    bank.commit_all();
    checkpoint.publish().unwrap();
    bank.judge();
    // The judge has seen that each account stands in the snapshot once.
    assert_eq!(journal::survey(&bank.disk).unwrap().snapshots.len(), 1);
}

/// Who asks for an account alone, or for its past, while it is being opened and committed.
fn an_opener_beside_who_asks_for_its_account(plants: Plants) {
    let mut bank = Bank::open(plants);
    let mut told = Vec::new();
    bank.clients(&[&[write(deposit("new", 5), "t1")]], |bank| {
        bank.commit();
        told.push(bank.ask(Request::Balance(account("new"))));
        let end = bank.index.appended().seq;
        let query = Query::BalanceAt { account: account("new"), at: Moment::Seq(end) };
        let reading = Reads::new(&bank.core, &bank.recaller).answer(query, NOW_US).unwrap();
        let Reading::BalanceAt { balance, as_of } = reading else { panic!("{reading:?}") };
        assert_eq!(
            (balance.map_or(0, Balance::get), as_of),
            (5 * i64::from(end > Seq::new(1)), end)
        );
    });
    bank.told.extend(told);
    bank.judge();
}

fn one_tx_id_from_two_threads(plants: Plants) {
    let mut bank = Bank::open(plants);
    let asked = write(transfer("a", "b", 10), "t");
    let refused = write(transfer("c", "b", 110), "u");
    bank.clients(
        &[
            &[asked.clone(), refused.clone()],
            &[refused.clone(), asked.clone()],
            &[write(deposit("b", 1), "u"), write(deposit("c", 50), "v")],
        ],
        |_| {},
    );
    let told_of = |tx_id: &str| {
        let is_it = |outcome: &Outcome<'_>| match outcome {
            Outcome::Done { tx_id: told, duplicate, .. }
            | Outcome::Refused { tx_id: Some(told), duplicate, .. } => {
                told.as_str() == tx_id && !duplicate
            }
            Outcome::Refused { .. }
            | Outcome::Resolved { .. }
            | Outcome::Balance { .. }
            | Outcome::Balances { .. }
            | Outcome::Conflict { .. }
            | Outcome::Unavailable(_)
            | Outcome::Unknown { .. } => false,
        };
        bank.told.iter().filter(|(_, outcome)| is_it(outcome)).count()
    };
    assert_eq!((told_of("t"), told_of("u"), told_of("v")), (1, 1, 1), "each for the first time");
    bank.judge();
}

/// The request, a late copy of it, and two who would void its tx_id, beside a journal and an index
/// that go on: it is executed or voided, never both, and all are told the same.
fn resolved_and_executed(plants: Plants) {
    let mut bank = Bank::open(plants);
    let asked = write(transfer("a", "b", 10), "t");
    bank.clients(
        &[
            std::slice::from_ref(&asked),
            &[resolve("t"), asked.clone()],
            &[asked.clone(), resolve("t")],
        ],
        |bank| {
            bank.commit();
            bank.index_step();
            bank.commit();
            bank.index_step();
        },
    );
    let of_t = bank
        .told
        .iter()
        .filter(|(request, _)| request.tx_id().is_some_and(|tx_id| tx_id.as_str() == "t"));
    let mut firsts = 0;
    let settled: Vec<(Seq, bool)> = of_t
        .map(|(_, outcome)| match outcome {
            Outcome::Done { seq, duplicate, .. } => {
                firsts += u32::from(!duplicate);
                (*seq, false)
            }
            Outcome::Refused { seq: Some(seq), duplicate: true, .. } => (*seq, true),
            Outcome::Resolved { transaction, duplicate } => {
                firsts += u32::from(!duplicate);
                (transaction.seq, transaction.event == Event::Void)
            }
            Outcome::Refused { .. }
            | Outcome::Balance { .. }
            | Outcome::Balances { .. }
            | Outcome::Conflict { .. }
            | Outcome::Unavailable(_)
            | Outcome::Unknown { .. } => panic!("{outcome:?}"),
        })
        .collect();
    assert!(settled.windows(2).all(|pair| pair[0] == pair[1]), "not all the same: {settled:?}");
    assert_eq!((settled.len(), firsts), (5, 1));
    bank.judge();
}

/// Duplicates of what becomes old meanwhile: read from the recent ids, or from the index, and
/// missed by neither.
fn one_tx_id_while_it_becomes_old(plants: Plants) {
    // One bucket: what is indexed gives its slot to the next.
    let mut bank = Bank::open_with(8, plants);
    let asked = write(transfer("a", "b", 10), "t");
    bank.told.push(bank.ask(asked.clone()));
    bank.clients(
        &[
            std::slice::from_ref(&asked),
            &[write(deposit("c", 1), "t"), resolve("t")],
            &[write(deposit("c", 1), "u"), write(deposit("c", 1), "v"), asked.clone()],
        ],
        |bank| {
            bank.commit_all();
            bank.index_all();
        },
    );
    let happened = bank.told.iter().filter(|(_, outcome)| {
        matches!(outcome, Outcome::Done { tx_id, duplicate: false, .. } if tx_id.as_str() == "t")
    });
    assert_eq!(happened.count(), 1);
    bank.judge();
}

/// The journal's own loop beside clients that wait for their sync as the engine's do: whoever is
/// not woken waits for ever, for in the explorer no wait times out.
fn group_commit(plants: Plants) {
    let mut bank = Bank::open(plants);
    let durability = Durability::new(bank.position.get().seq);
    let told: Vec<Told<'static>> = thread::scope(|scope| {
        let (bank, durability) = (&bank, &durability);
        let journal = scope.spawn(|| {
            let run = bank.writer.lock().unwrap().run(|committed, _| {
                let seq = committed.head.seq;
                assert!(durability.seq() < seq, "groups come in order");
                bank.append(committed);
                durability.publish(seq);
            });
            run.unwrap();
        });
        let client = move |script: Vec<Vec<Request<'static>>>| {
            let wait = |rests_on| {
                bank.core.wake_writer();
                block_on(durability.wait(rests_on)).unwrap();
            };
            let mut told = Vec::new();
            for batch in script {
                told.extend(batch.into_iter().map(|request| bank.ask_with(request, wait)));
                bank.core.wake_writer();
                let rests_on = told.iter().map(|(_, outcome)| outcome.rests_on()).max().unwrap();
                block_on(durability.wait(rests_on)).unwrap();
                assert!(bank.position.get().seq >= rests_on);
            }
            told
        };
        let one = scope.spawn(move || {
            client(vec![
                vec![write(transfer("a", "b", 10), "t1"), write(deposit("c", 1), "t2")],
                vec![balances(&["a", "b", "c"])],
            ])
        });
        let other = scope.spawn(move || {
            client(vec![
                vec![write(transfer("b", "a", 5), "t3")],
                vec![write(transfer("b", "c", 500), "t4"), balances(&["b"])],
            ])
        });
        let told = [one, other].map(|client| client.join().unwrap());
        bank.core.staging().stop();
        journal.join().unwrap();
        told.into_iter().flatten().collect()
    });
    bank.told.extend(told);
    assert_eq!(bank.position.get().seq, Seq::new(5), "everything is durable before the close");
    bank.judge();
}

/// Waiters for different seqs beside a journal that gets as far as seq 2 and then stops: each
/// learns what became of its own.
fn waiters_beside_a_journal_that_stops(_: Plants) {
    let durability = Durability::new(Seq::ZERO);
    thread::scope(|scope| {
        let durability = &durability;
        let waiters =
            [1, 2, 3].map(|seq| scope.spawn(move || block_on(durability.wait(Seq::new(seq)))));
        durability.publish(Seq::new(1));
        durability.publish(Seq::new(2));
        durability.stop();
        let learnt = waiters.map(|waiter| waiter.join().unwrap());
        assert_eq!(learnt, [Ok(()), Ok(()), Err(Lost)]);
    });
}

/// Whoever is told of a seq has it committed by the loop, also when staging is stopped at that
/// very moment; the others are told that nothing was written.
fn a_stop_beside_changes(plants: Plants) {
    let mut bank = Bank::open(plants);
    let told: Vec<Told<'static>> = thread::scope(|scope| {
        let bank = &bank;
        let journal = scope.spawn(|| {
            bank.writer.lock().unwrap().run(|committed, _| bank.append(committed)).unwrap();
        });
        let clients = [("a", "b"), ("b", "a")].map(|(from, to)| {
            scope.spawn(move || {
                let tx_ids = [format!("{from}-1"), format!("{from}-2")];
                let told = tx_ids.map(|tx_id| bank.ask(write(transfer(from, to, 1), &tx_id)));
                bank.core.wake_writer();
                told
            })
        });
        bank.core.staging().stop();
        let told = clients.map(|client| client.join().unwrap());
        journal.join().unwrap();
        told.into_iter().flatten().collect()
    });
    bank.told.extend(told);
    let committed = bank.position.get().seq;
    for (_, outcome) in &bank.told {
        assert!(outcome.rests_on() <= committed, "left behind by the loop: {outcome:?}");
    }
    assert_eq!(bank.core.staging().head().seq, committed);
    bank.judge();
}

/// A fuzzy snapshot, taken account by account while money moves, gives with the journal behind
/// it what the whole journal gives.
fn a_checkpoint_beside_transfers(plants: Plants) {
    let mut bank = Bank::open(plants);
    let mut finished = None;
    bank.clients(
        &[
            &[write(transfer("a", "b", 10), "t1"), write(transfer("b", "c", 20), "t2")],
            &[write(transfer("c", "a", 5), "t3"), write(transfer("a", "new", 7), "t4")],
        ],
        |bank| {
            bank.commit();
            finished = Some(checkpoint(bank, 1));
        },
    );
    bank.commit_all();
    let finished = finished.unwrap();
    assert!(finished.seq_max <= bank.position.get().seq);
    finished.publish().unwrap();
    bank.judge();
    let index_disk = Arc::new(SimDisk::new());
    let reopened = open(Arc::new(bank.disk.clone()), index_disk, &bank.options).unwrap();
    assert!(reopened.report.snapshot.is_some(), "replay starts from it");
    let names = ["a", "b", "c", "new"];
    let (_, before) = bank.ask(balances(&names));
    let now = Now { us: NOW_US, seq_durable: before.rests_on() };
    let after = reopened.core.execute(balances(&names), None, now);
    assert!(matches!(after, Executed::Outcome(after) if after == before));
}

#[test]
fn opposite_transfers_run_in_the_order_of_the_journal() {
    explore(opposite_transfers);
}

#[test]
fn a_reader_of_two_accounts_sees_both_halves_of_a_transfer_or_none() {
    explore(opposite_transfers_with_a_reader_of_both);
}

#[test]
fn a_ring_of_transfers_with_balances_set_and_read_does_not_deadlock() {
    explore(a_ring_of_transfers_with_balances_set_and_read);
}

#[test]
fn an_account_with_many_openers_is_opened_once() {
    explore(openers_of_one_account);
}

#[test]
fn an_account_is_never_denied_at_a_position_that_has_its_opening() {
    explore(an_opener_beside_who_asks_for_its_account);
}

#[test]
fn one_tx_id_from_several_threads_happens_once() {
    explore(one_tx_id_from_two_threads);
}

#[test]
fn a_tx_id_is_executed_or_voided_and_all_are_told_the_same() {
    explore(resolved_and_executed);
}

#[test]
fn a_tx_id_that_becomes_old_meanwhile_happens_once() {
    explore(one_tx_id_while_it_becomes_old);
}

#[test]
fn no_wake_up_of_the_group_commit_is_lost() {
    explore(group_commit);
}

#[test]
fn every_waiter_learns_what_became_of_its_seq() {
    explore(waiters_beside_a_journal_that_stops);
}

#[test]
fn a_stop_leaves_nothing_behind_that_was_staged() {
    explore(a_stop_beside_changes);
}

#[test]
fn a_snapshot_taken_while_money_moves_gives_what_the_journal_gives() {
    explore(a_checkpoint_beside_transfers);
}

/// The original released its locks before it wrote its log. Either explorer notices that, in no
/// more schedules than the tests above run without the fault.
#[cfg(feature = "planted")]
#[test]
fn an_account_unlocked_before_its_event_has_a_seq_is_caught() {
    use std::panic::catch_unwind;

    let faulty = || opposite_transfers(Plants::with(journal::Planted::EarlyUnlock));
    let caught = [
        catch_unwind(|| runner(RandomScheduler::new(SCHEDULES)).run(faulty)),
        catch_unwind(|| runner(PctScheduler::new(PRIORITY_CHANGES, SCHEDULES)).run(faulty)),
    ];
    for caught in caught {
        let panic = caught.expect_err("a schedule must fail");
        let message = panic.downcast_ref::<String>().map_or("", String::as_str);
        assert!(message.contains(history::NO_ORDER), "for another reason: {message}");
    }
}

/// Either explorer also notices a recent tx_id that made room for another before the index held it.
#[cfg(feature = "planted")]
#[test]
fn a_recent_tx_id_forgotten_before_the_index_holds_it_is_caught() {
    use std::panic::catch_unwind;

    let planted = Plants::with(journal::Planted::EvictedEarly);
    let faulty = move || one_tx_id_while_it_becomes_old(planted);
    let caught = [
        catch_unwind(|| runner(RandomScheduler::new(SCHEDULES)).run(faulty)),
        catch_unwind(|| runner(PctScheduler::new(PRIORITY_CHANGES, SCHEDULES)).run(faulty)),
    ];
    assert!(caught.iter().all(Result::is_err), "a schedule must fail");
}
