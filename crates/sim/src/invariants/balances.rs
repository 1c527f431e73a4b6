//! The recovered bank holds what the surviving events give: every balance, the seq of every last
//! change, the balance of `@world`, and a sum of zero over all of them.

use engine::embedded::{Core, Executed, Now};
use engine::{Outcome, Request};
use journal::Staging;
use journal::disk::SimDisk;
use ledger::model::{Model, When};
use ledger::{Balance, Seq};

use crate::order::{History, Surviving};
use crate::violation::{Broken, Holds};
use crate::workload::{NAMES, account};

const INVARIANT: &str = "the recovered balances are those that the surviving events give";

const AT_REST: Now = Now { us: 0, seq_durable: Seq::ZERO };

/// Everything that an engine holds, as it tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Per account its balance, if there is such an account, and the seq of its last change.
    accounts: Vec<(&'static str, Option<Balance>, Seq)>,
    last: Seq,
    world: i128,
}

impl State {
    /// Asks `core` for every account that a run can open.
    pub(crate) fn of(core: &Core<SimDisk>) -> Self {
        let ask = |name| {
            let executed = core.execute(Request::Balance(account(name)), None, AT_REST);
            let Executed::Outcome(Outcome::Balance { reading, as_of }) = executed else {
                unreachable!("a balance was asked for, not {executed:?}")
            };
            (name, reading.balance, as_of)
        };
        let head = Staging::head(core.staging());
        Self { accounts: NAMES.map(ask).to_vec(), last: head.seq, world: head.world }
    }
}

/// Feeds the surviving events behind those that `bank` has into it; each must be what the naive
/// bank answers.
pub(crate) fn feed(bank: &mut Model, surviving: &Surviving<'_>) -> Holds {
    let known = usize::try_from(bank.seq()).unwrap_or(usize::MAX);
    for entry in surviving.entries.iter().skip(known) {
        let tx_id = entry.tx_id.as_str();
        match entry.event.clone().into_command() {
            Some(command) => {
                let bank = bank.on_behalf_of(entry.by.as_ref());
                bank.execute_at(&command, tx_id, true, When::of(entry));
            }
            None => {
                bank.on_behalf_of(entry.by.as_ref()).resolve(tx_id, entry.at_us);
            }
        }
        let expected = bank.events().last();
        if !expected.is_some_and(|expected| expected.is_told_by(entry)) {
            let found = format!("{entry:?} in the journal, the naive bank says {expected:?}");
            return Err(Broken::new(INVARIANT, found));
        }
    }
    Ok(())
}

/// Compares what the engine holds with the naive bank and with the seqs of the events.
pub(crate) fn agree(state: &State, bank: &Model, history: &History) -> Holds {
    let mut sum = state.world;
    for (name, balance, seq) in &state.accounts {
        let expected = bank.balance(name);
        let changed = history.account_at(name, state.last).map_or(Seq::ZERO, |(seq, _)| seq);
        if balance.map(|held| i128::from(held.get())) != expected || *seq != changed {
            let found = format!("{name} holds {balance:?} since {seq}");
            let bank = format!("the naive bank says {expected:?} since {changed}");
            return Err(Broken::new(INVARIANT, format!("{found}, {bank}")));
        }
        sum += balance.map_or(0, |held| i128::from(held.get()));
    }
    if state.last.get() != bank.seq() || state.world != bank.world() || sum != 0 {
        let found = format!("seq {}, world {}, sum {sum}", state.last, state.world);
        let bank = format!("the naive bank says seq {}, world {}", bank.seq(), bank.world());
        return Err(Broken::new(INVARIANT, format!("{found}; {bank}")));
    }
    Ok(())
}

/// All accounts read in one request show the same as each by itself.
pub(crate) fn read_together_as_one_by_one(core: &Core<SimDisk>, state: &State) -> Holds {
    let asked = NAMES.map(account).to_vec();
    let Executed::Outcome(Outcome::Balances { readings, .. }) =
        core.execute(Request::Balances(asked), None, AT_REST)
    else {
        return Err(Broken::new(INVARIANT, "no balances were answered"));
    };
    let together = readings.iter().map(|reading| reading.balance);
    if together.eq(state.accounts.iter().map(|(_, balance, _)| *balance)) {
        return Ok(());
    }
    Err(Broken::new(INVARIANT, format!("{readings:?} together, {state:?} one by one")))
}
