//! A tx_id that some resolve while others ask for it: settled once, and the same for all.

use engine::Outcome;
use journal::disk::SimDisk;
use ledger::{Event, Rejection, Seq};

use crate::bank::{Bank, in_time, init, names, now_us, resolve, transfer, until, write};
use crate::history::{Told, judge};

#[test]
fn a_tx_id_is_voided_or_executed_and_everybody_is_told_the_same() {
    in_time(|| {
        const ROUNDS: u64 = 600;
        let bank = Bank::open(SimDisk::new());
        let names = names("account-", 2);
        let mut told = bank.ask(vec![write(init(&names, 1_000_000), "init".into(), true)]);
        let (mut voided_count, mut executed_count, mut late_count) = (0, 0, 0);
        for round in 0..ROUNDS {
            // In every third round the deadline is about now.
            let not_after_us = (round % 3 == 0).then(now_us);
            let of_clients = bank.clients(6, |bank, client| {
                let tx_id = format!("t{round}");
                if client % 3 == round % 2 {
                    return bank.ask(vec![resolve(tx_id)]);
                }
                let asked = write(transfer(&names[0], &names[1], 7), tx_id, true);
                bank.ask(vec![until(asked, not_after_us)])
            });
            let outcomes: Vec<Told<'_>> = of_clients.into_iter().flatten().collect();
            let settled: Vec<Settled> =
                outcomes.iter().map(|(_, outcome)| settled(outcome)).collect();
            assert!(settled.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:?}");
            match settled.first() {
                Some((_, Became::Voided)) => voided_count += 1,
                Some((_, Became::Executed)) => executed_count += 1,
                Some((_, Became::Late)) => late_count += 1,
                None => {}
            }
            told.extend(outcomes);
        }
        bank.engine.close().unwrap();
        let model = judge(&bank.disk, Seq::ZERO, &told);
        assert_eq!(model.seq(), ROUNDS + 1, "each tx_id stands there once");
        let met = [voided_count, executed_count, late_count];
        assert!(met.iter().all(|count| *count > 0), "voided, executed, late: {met:?}");
    });
}

/// What became of a tx_id, and where that stands.
type Settled = (Seq, Became);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    Executed,
    Late,
    Voided,
}

fn settled(outcome: &Outcome<'_>) -> Settled {
    match outcome {
        Outcome::Done { seq, .. } => (*seq, Became::Executed),
        Outcome::Refused { rejection: Rejection::Voided, seq: Some(seq), .. } => {
            (*seq, Became::Voided)
        }
        Outcome::Refused {
            rejection: Rejection::DeadlinePassed { .. }, seq: Some(seq), ..
        } => (*seq, Became::Late),
        Outcome::Resolved { transaction, .. } => match &transaction.event {
            Event::Void => (transaction.seq, Became::Voided),
            Event::Refused(_) => (transaction.seq, Became::Late),
            Event::Init { .. }
            | Event::Deposit { .. }
            | Event::Withdraw { .. }
            | Event::Transfer { .. } => (transaction.seq, Became::Executed),
        },
        Outcome::Refused { .. }
        | Outcome::Balance { .. }
        | Outcome::Balances { .. }
        | Outcome::Conflict { .. }
        | Outcome::Unavailable(_)
        | Outcome::Unknown { .. } => panic!("it settles nothing: {outcome:?}"),
    }
}
