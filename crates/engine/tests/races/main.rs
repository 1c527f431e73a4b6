//! Many threads on few accounts: no deadlock, no money made or lost, and the journal's order is
//! an order of execution. Bounded by counts of operations, never by time.
#![cfg(not(feature = "shuttle"))] // whose locks work in the schedule explorer alone
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bank;
#[path = "../history/mod.rs"]
mod history;
mod readings;
mod settled;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bank::{Bank, Random, SIZES, balances, deposit, in_time, init, names, transfer, write};
use engine::{Engine, Outcome, Request, Unavailable};
use history::{Told, judge, sum_of};
use journal::Sizes;
use journal::disk::{PowerLoss, SimDisk};
use ledger::Seq;

/// More threads than cores, so that they are stopped in the middle of things.
pub const CLIENTS: u64 = 12;

/// What each account holds at first: little, so that refusals happen all the time.
pub const EACH: i64 = 500;

/// Transfers between the accounts, with a reading of all of them now and then. Some tx_ids count
/// as given and some as made by the server.
pub fn keep_transferring<'b>(
    bank: &'b Bank,
    client: u64,
    names: &[String],
    transfers_count: u64,
) -> Vec<Told<'b>> {
    let mut random = Random::new(client);
    let mut told = Vec::new();
    let mut made_count = 0;
    while made_count < transfers_count {
        let batch_count = (1 + random.below(64)).min(transfers_count - made_count);
        let mut batch = Vec::new();
        for _ in 0..batch_count {
            let (from, to) = random.two(names);
            let command = transfer(from, to, random.amount(100));
            made_count += 1;
            batch.push(write(command, format!("{client}-{made_count}"), !random.once_in(4)));
            if random.once_in(64) {
                batch.push(balances(names));
            }
        }
        told.extend(bank.ask(batch));
    }
    told
}

fn transfers_among(accounts_count: usize, transfers_count: u64) {
    let bank = Bank::open(SimDisk::new());
    let names = names("account-", accounts_count);
    let sum = EACH * i64::try_from(accounts_count).unwrap();
    let mut told = bank.ask(vec![write(init(&names, EACH), "init".into(), true)]);
    let of_clients = bank.clients(CLIENTS, |bank, client| {
        keep_transferring(bank, client, &names, transfers_count / CLIENTS)
    });
    told.extend(of_clients.into_iter().flatten());
    let mut readings_count = 0;
    for sum_shown in told.iter().filter_map(|(_, outcome)| sum_of(outcome)) {
        assert_eq!(sum_shown, sum);
        readings_count += 1;
    }
    assert!(readings_count > 100, "readings must meet transfers");
    bank.engine.close().unwrap();
    let model = judge(&bank.disk, Seq::ZERO, &told);
    assert_eq!(model.balances().values().sum::<i128>(), i128::from(sum));
    let refused = told.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Refused { .. }));
    assert!(refused.count() > 100, "refusals must meet transfers");
}

#[test]
fn opposite_transfers_between_two_accounts_neither_deadlock_nor_change_the_sum() {
    in_time(|| transfers_among(2, 60_000));
}

#[test]
fn opposite_transfers_between_three_accounts_neither_deadlock_nor_change_the_sum() {
    in_time(|| transfers_among(3, 60_000));
}

#[test]
fn opposite_transfers_between_five_accounts_neither_deadlock_nor_change_the_sum() {
    in_time(|| transfers_among(5, 80_000));
}

#[test]
fn balances_set_while_transfers_run_never_show_half_of_it() {
    in_time(|| {
        let bank = Bank::open(SimDisk::new());
        let names = names("account-", 5);
        let mut told = bank.ask(vec![write(init(&names, EACH), "init".into(), true)]);
        let of_clients = bank.clients(CLIENTS, |bank, client| {
            if client % 4 != 0 {
                return keep_transferring(bank, client, &names, 4_000);
            }
            let mut told = Vec::new();
            let mut reversed = names.clone();
            for n in 0..400 {
                reversed.reverse();
                let tx_id = format!("init-{client}-{n}");
                told.extend(bank.ask(vec![write(init(&reversed, EACH), tx_id, true)]));
            }
            told
        });
        told.extend(of_clients.into_iter().flatten());
        for sum_shown in told.iter().filter_map(|(_, outcome)| sum_of(outcome)) {
            assert_eq!(sum_shown, 5 * EACH);
        }
        bank.engine.close().unwrap();
        judge(&bank.disk, Seq::ZERO, &told);
    });
}

#[test]
fn an_account_opened_by_many_at_once_is_opened_once_and_gets_all_the_money() {
    in_time(|| {
        const ROUNDS: u64 = 400;
        let bank = Bank::open(SimDisk::new());
        let payers = names("payer-", usize::try_from(CLIENTS).unwrap());
        let mut told = bank.ask(vec![write(init(&payers, 1_000_000), "init".into(), true)]);
        for round in 0..ROUNDS {
            let opened = format!("new-{round}");
            let of_clients = bank.clients(CLIENTS, |bank, client| {
                let payer = &payers[usize::try_from(client).unwrap()];
                let command = if client % 2 == 0 {
                    deposit(&opened, 1)
                } else {
                    transfer(payer, &opened, 10)
                };
                let asked = write(command, format!("{round}-{client}"), true);
                bank.ask(vec![asked, balances(&[payer.clone(), opened.clone()])])
            });
            told.extend(of_clients.into_iter().flatten());
        }
        let opened = names("new-", usize::try_from(ROUNDS).unwrap());
        let each = i64::try_from(CLIENTS / 2 * 11).unwrap();
        assert!(bank.held(&opened).iter().all(|held| *held == Some(each)));
        bank.engine.close().unwrap();
        let model = judge(&bank.disk, Seq::ZERO, &told);
        assert_eq!(model.balances().len(), payers.len() + opened.len());
    });
}

#[test]
fn a_reading_of_an_account_that_is_just_being_opened_shows_one_position() {
    in_time(|| {
        const ROUNDS: u64 = 1_500;
        let bank = Bank::open(SimDisk::new());
        let payer = names("payer-", 1);
        let mut told = bank.ask(vec![write(init(&payer, 1_000_000), "init".into(), true)]);
        for round in 0..ROUNDS {
            let pair = [payer[0].clone(), format!("new-{round}")];
            let of_clients = bank.clients(4, |bank, client| {
                if client == 0 {
                    let command = transfer(&pair[0], &pair[1], 10);
                    return bank.ask(vec![write(command, format!("{round}"), true)]);
                }
                bank.ask(vec![balances(&pair); 20])
            });
            told.extend(of_clients.into_iter().flatten());
        }
        bank.engine.close().unwrap();
        judge(&bank.disk, Seq::ZERO, &told);
    });
}

#[test]
fn one_tx_id_from_many_threads_at_once_happens_once_and_all_get_the_same_answer() {
    in_time(|| {
        const ROUNDS: u64 = 400;
        let bank = Bank::open(SimDisk::new());
        let names = names("account-", 2);
        let mut told = bank.ask(vec![write(init(&names, 1_000_000), "init".into(), true)]);
        for round in 0..ROUNDS {
            // Two contents fight for the tx_id in every second round.
            let other_in = if round % 2 == 0 { u64::MAX } else { 2 };
            let of_clients = bank.clients(16, |bank, client| {
                let amount = if client % other_in == 1 { 8 } else { 7 };
                let command = transfer(&names[0], &names[1], amount);
                bank.ask(vec![write(command, format!("t{round}"), true)])
            });
            let outcomes: Vec<Told<'_>> = of_clients.into_iter().flatten().collect();
            let firsts: Vec<&Told<'_>> = outcomes
                .iter()
                .filter(|(_, outcome)| matches!(outcome, Outcome::Done { duplicate: false, .. }))
                .collect();
            let [(won, Outcome::Done { seq, event, .. })] = firsts.as_slice() else {
                panic!("it happened {} times: {outcomes:?}", firsts.len())
            };
            for (asked, outcome) in &outcomes {
                let as_it_should_be = match outcome {
                    Outcome::Done { seq: told_seq, event: told_event, .. } => {
                        asked == won && told_seq == seq && told_event == event
                    }
                    Outcome::Conflict { .. } => asked != won,
                    Outcome::Balance { .. }
                    | Outcome::Balances { .. }
                    | Outcome::Resolved { .. }
                    | Outcome::Refused { .. }
                    | Outcome::Unavailable(_)
                    | Outcome::Unknown { .. } => false,
                };
                assert!(as_it_should_be, "{asked:?} was told {outcome:?}");
            }
            told.extend(outcomes);
        }
        bank.engine.close().unwrap();
        let model = judge(&bank.disk, Seq::ZERO, &told);
        assert_eq!(model.seq(), ROUNDS + 1);
    });
}

#[test]
fn duplicates_are_known_across_checkpoints_rotation_and_restarts() {
    in_time(|| {
        const TINY: Sizes = Sizes {
            group_bytes_max: 2 << 10,
            segment_bytes_max: 16 << 10,
            pad_step_bytes_min: 1 << 10,
            pad_step_bytes_max: 8 << 10,
        };
        let (disk, index_disk) = (SimDisk::new(), SimDisk::new());
        let names = names("account-", 4);
        // Every change that any client made in any life, and where it stands.
        let asked_before = Mutex::new(Vec::new());
        for life in 0..4 {
            let bank = Bank::open_with(disk.clone(), index_disk.clone(), TINY, 64 << 10);
            let seq_before = bank.engine.seq_durable();
            let mut told = bank.ask(vec![write(init(&names, EACH), "init".into(), true)]);
            let of_clients = bank.clients(8, |bank, client| {
                if client == 0 {
                    (0..20).for_each(|_| bank.engine.checkpoint().unwrap());
                    return vec![];
                }
                let mut random = Random::new(life * 100 + client);
                let mut told = Vec::new();
                for n in 0..100 {
                    let (from, to) = random.two(&names);
                    let command = transfer(from, to, random.amount(200));
                    let new = write(command, format!("{life}-{client}-{n}"), true);
                    let first = bank.ask(vec![new]);
                    remember(&asked_before, &first);
                    told.extend(first);
                    let (again, seq) = {
                        let asked_before = asked_before.lock().unwrap();
                        let which = random.below(asked_before.len() as u64);
                        asked_before[usize::try_from(which).unwrap()].clone()
                    };
                    let second = bank.ask(vec![again]);
                    assert_eq!(place_of(&second[0].1), (seq, true), "{second:?}");
                    told.extend(second);
                }
                told
            });
            told.extend(of_clients.into_iter().flatten());
            bank.engine.close().unwrap();
            judge(&disk, seq_before, &told);
            if life % 2 == 1 {
                disk.power_loss(life, PowerLoss::Strict);
                index_disk.power_loss(life, PowerLoss::Strict);
            }
        }
        let segments_count = journal::survey(&disk).unwrap().segments.len();
        assert!(segments_count > 8, "files must rotate: {segments_count}");
        let bank = Bank::open_with(disk, index_disk, TINY, 64 << 10);
        for (request, seq) in asked_before.into_inner().unwrap() {
            let told = bank.ask(vec![request]);
            assert_eq!(place_of(&told[0].1), (seq, true), "{told:?}");
        }
        bank.close();
    });
}

fn remember(asked_before: &Mutex<Vec<(Request<'static>, u64)>>, told: &[Told<'_>]) {
    let mut asked_before = asked_before.lock().unwrap();
    for (request, outcome) in told {
        asked_before.push((request.clone(), place_of(outcome).0));
    }
}

/// The seq of a change or a recorded refusal, and whether it is told again.
fn place_of(outcome: &Outcome<'_>) -> (u64, bool) {
    match outcome {
        Outcome::Done { seq, duplicate, .. }
        | Outcome::Refused { seq: Some(seq), duplicate, .. } => (seq.get(), *duplicate),
        Outcome::Refused { .. }
        | Outcome::Resolved { .. }
        | Outcome::Balance { .. }
        | Outcome::Balances { .. }
        | Outcome::Conflict { .. }
        | Outcome::Unavailable(_)
        | Outcome::Unknown { .. } => panic!("it has no place: {outcome:?}"),
    }
}

#[test]
fn a_stop_while_money_moves_ends_and_keeps_exactly_what_it_acknowledged() {
    in_time(|| {
        for round in 0..300 {
            let bank = Bank::open(SimDisk::new());
            let names = names("account-", 3);
            let mut told = bank.ask(vec![write(init(&names, EACH), "init".into(), true)]);
            let acknowledged = AtomicU64::new(0);
            let of_clients = bank.clients(4, |bank, client| {
                if client == 0 {
                    while acknowledged.load(Ordering::Relaxed) < round % 30 {
                        std::thread::yield_now();
                    }
                    bank.engine.close().unwrap();
                    return vec![];
                }
                let mut random = Random::new(round * 100 + client);
                let mut told: Vec<Told<'_>> = Vec::new();
                for n in 0.. {
                    let (from, to) = random.two(&names);
                    let command = transfer(from, to, random.amount(100));
                    told.extend(bank.ask(vec![write(command, format!("{client}-{n}"), true)]));
                    if told.last().is_some_and(|(_, outcome)| is_over(outcome)) {
                        break;
                    }
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                told
            });
            told.extend(of_clients.into_iter().flatten());
            let seq_durable = bank.engine.seq_durable();
            let model = judge(&bank.disk, Seq::ZERO, &told);
            // Exactly: what was turned away is not there either.
            let taken = told.iter().filter(|(_, outcome)| !is_over(outcome)).count();
            assert_eq!(model.seq(), taken as u64);
            assert_eq!(model.seq(), seq_durable.get());
        }
    });
}

#[test]
fn a_stop_in_the_middle_of_a_batch_is_told_as_a_stop_and_not_as_a_fault() {
    in_time(|| {
        const BATCH_REQUESTS: usize = 20_000;
        let mut split_count = 0;
        for _round in 0..100 {
            let bank = Bank::open_with(SimDisk::new(), SimDisk::new(), SIZES, 64 << 20);
            let batch = (0..BATCH_REQUESTS).map(|n| write(deposit("a", 1), n.to_string(), true));
            let batch: Vec<Request<'static>> = batch.collect();
            let mut of_clients = bank.clients(2, |bank, client| {
                if client == 0 {
                    return bank.ask(batch.clone());
                }
                // The batch is under way when this client's syncs reach further than it asked.
                let mut told = Vec::new();
                for n in 1.. {
                    told.extend(bank.ask(vec![write(deposit("b", 1), format!("b-{n}"), true)]));
                    if bank.engine.seq_durable().get() > n {
                        break;
                    }
                }
                bank.engine.close().unwrap();
                told
            });
            let of_batch = of_clients.swap_remove(0);
            let taken_count = of_batch.iter().take_while(|(_, outcome)| !is_over(outcome)).count();
            assert!(of_batch.iter().skip(taken_count).all(|(_, outcome)| is_over(outcome)));
            let told: Vec<Told<'_>> = of_clients.into_iter().flatten().chain(of_batch).collect();
            judge(&bank.disk, Seq::ZERO, &told);
            split_count += u32::from(taken_count > 0 && taken_count < BATCH_REQUESTS);
            if split_count == 3 {
                return;
            }
        }
        panic!("no stop came into the middle of a batch");
    });
}

fn is_over(outcome: &Outcome<'_>) -> bool {
    *outcome == Outcome::Unavailable(Unavailable::ShuttingDown)
}
