//! Proves a data folder, reading only: every byte under its seal, every event by the rules, every
//! balance by the ones before, every snapshot by the journal.
//!
//! It runs the rules again on its own plain map of balances; of recovery it shares the reading of
//! files, and nothing that decides or applies.

use std::collections::{HashMap, HashSet};

use ledger::{Balance, Event, Leg, Refused, Rejection, Seq, Transaction, decide};

use crate::disk::Disk;
use crate::error::{Contradiction, Damage, Fault, OpenError};
use crate::hash::Hash;
use crate::header::Genesis;
use crate::history::{Found, Replay, Survey, SurveyOptions, replay, survey_with};
use crate::snapshot::read_accounts;
use crate::workers::Workers;

/// What [`verify`] proved.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Every file, judged. Its `torn_tail` is legal: a crash leaves one, and so does a group that
    /// a running server is writing.
    pub survey: Survey,
    /// Ledger and currency; `None` for a folder without a journal.
    pub genesis: Option<Genesis>,
    /// The last event that is proven.
    pub last: Seq,
    /// Groups, empty ones included.
    pub groups_count: u64,
    /// Accounts.
    pub accounts_count: u64,
    /// Sum over all accounts without `@world`, in minor units.
    pub sum: i128,
    /// Balance of `@world`, in minor units; `sum + world` was 0 after every event.
    pub world: i128,
    /// Recorded refusals among the events.
    pub refusals_count: u64,
    /// Hash of the last seal.
    pub seal: Hash,
    /// Whether a seal of the history has the expected hash.
    pub expected_seal_found: bool,
    /// The snapshots that agree with the journal, and the seq each starts replay from.
    pub snapshots: Vec<(&'static str, Seq)>,
}

/// What the journal gave an account so far.
struct Held {
    balance: Balance,
    /// The event that opened it.
    opened: Seq,
}

/// An account of a snapshot, with its line's balance and whether the journal confirmed it.
struct Claimed {
    balance: Balance,
    seq: Seq,
    confirmed: bool,
}

type Claims = HashMap<String, Claimed>;

#[derive(Default)]
struct Prover {
    accounts: HashMap<String, Held>,
    tx_ids: HashSet<[u8; 32]>,
    sum: i128,
    world: i128,
    refusals_count: u64,
    claims: Vec<(&'static str, Claims)>,
}

/// Proves the folder of `disk`, from its first seal to its last, and looks for a seal with the hash
/// `expected` on the way; `progress` is told the seq reached, now and then.
/// Errors: the first thing that does not hold.
pub fn verify<D: Disk>(
    disk: &D,
    expected: Option<Hash>,
    mut progress: impl FnMut(Seq),
) -> Result<Proof, OpenError> {
    let survey = survey_with(disk, &SurveyOptions { expected, ..SurveyOptions::default() })?;
    if let Some(name) = survey.snapshots_damaged.first() {
        return Err(damage(name, Seq::ZERO, Fault::Snapshot));
    }
    let mut prover = Prover::default();
    for (name, _) in &survey.snapshots {
        prover.claims.push((name, read_claims(disk, name)?));
    }
    replay(disk, &survey, &Replay::default(), |found| {
        let Found::Event { transaction: entry, .. } = found else { return Ok(()) };
        if entry.seq.get().is_multiple_of(1 << 16) {
            progress(entry.seq);
        }
        prover.take(&entry)
    })?;
    for (name, claims) in &prover.claims {
        if claims.values().any(|claimed| !claimed.confirmed) {
            return Err(damage(name, survey.last(), Fault::SnapshotBalance));
        }
    }
    for (name, snapshot) in &survey.snapshots {
        let claims = prover.claims.iter().find(|(claimed, _)| claimed == name);
        let missing = prover.accounts.iter().any(|(account, held)| {
            let absent = claims.is_none_or(|(_, claims)| !claims.contains_key(account));
            absent && held.opened <= snapshot.head.seq
        });
        if missing {
            return Err(damage(name, survey.last(), Fault::SnapshotBalance));
        }
    }
    Ok(Proof {
        genesis: survey.genesis.clone(),
        last: survey.last(),
        groups_count: survey.segments.iter().map(|segment| segment.groups_count).sum(),
        accounts_count: prover.accounts.len() as u64,
        sum: prover.sum,
        world: prover.world,
        refusals_count: prover.refusals_count,
        seal: survey.seal(),
        expected_seal_found: survey.expected_seal_found,
        snapshots: survey.snapshots.iter().map(|(name, one)| (*name, one.head.seq)).collect(),
        survey,
    })
}

fn read_claims<D: Disk>(disk: &D, name: &str) -> Result<Claims, OpenError> {
    let mut claims = Claims::new();
    let workers = Workers::of_this_machine();
    let read = read_accounts(disk, name, workers, &|_| {}, |account, balance, seq| {
        let claimed = Claimed { balance, seq, confirmed: false };
        match claims.insert(account.as_str().to_owned(), claimed) {
            None => Ok(()),
            Some(_) => Err(()),
        }
    });
    match read {
        Ok(Ok(())) => Ok(claims),
        Ok(Err(())) => Err(damage(name, Seq::ZERO, Fault::Snapshot)),
        Err(source) => Err(OpenError::Disk { what: format!("reading {name}"), source }),
    }
}

impl Prover {
    fn take(&mut self, entry: &Transaction<'_>) -> Result<(), Contradiction> {
        // Half of a BLAKE3 hash would do; the whole is as cheap, and exact for every purpose.
        if !self.tx_ids.insert(*blake3::hash(entry.tx_id.as_str().as_bytes()).as_bytes()) {
            return Err(Contradiction::TxIdRepeated);
        }
        follows(entry, |account| self.balance(account))?;
        for leg in entry.event.legs() {
            self.set(leg, entry.seq);
        }
        if let Event::Refused(_) = entry.event {
            self.refusals_count = self.refusals_count.strict_add(1);
        }
        self.world = self.world.saturating_add(entry.event.world_delta());
        // After every single event, not only at the end.
        if self.sum.saturating_add(self.world) == 0 {
            Ok(())
        } else {
            Err(Contradiction::BalanceBefore)
        }
    }

    fn balance(&self, account: &str) -> Balance {
        self.accounts.get(account).map_or(Balance::ZERO, |held| held.balance)
    }

    fn set(&mut self, leg: &Leg<'_>, seq: Seq) {
        let change = i128::from(leg.after.get()).strict_sub(i128::from(leg.before.get()));
        self.sum = self.sum.strict_add(change);
        for (_, claims) in &mut self.claims {
            if let Some(claimed) = claims.get_mut(leg.account.as_str())
                && claimed.seq == seq
            {
                claimed.confirmed = claimed.balance == leg.after;
            }
        }
        if let Some(known) = self.accounts.get_mut(leg.account.as_str()) {
            known.balance = leg.after;
        } else {
            let held = Held { balance: leg.after, opened: seq };
            self.accounts.insert(leg.account.as_str().to_owned(), held);
        }
    }
}

/// Whether the rules lead from the balances that accounts hold, or from the clock, to exactly this
/// event. `balance`: what the account of this name holds before it; zero where there is none.
pub fn follows(
    entry: &Transaction<'_>,
    balance: impl Fn(&str) -> Balance,
) -> Result<(), Contradiction> {
    let event = &entry.event;
    match event {
        Event::Void => return Ok(()),
        Event::Refused(Refused {
            rejection: Rejection::DeadlinePassed { not_after_us }, ..
        }) => {
            let late = entry.at_us > *not_after_us;
            return if late { Ok(()) } else { Err(Contradiction::Rules) };
        }
        Event::Init { .. }
        | Event::Deposit { .. }
        | Event::Withdraw { .. }
        | Event::Transfer { .. }
        | Event::Refused(_) => {}
    }
    for leg in event.legs() {
        if balance(leg.account.as_str()) != leg.before {
            return Err(Contradiction::BalanceBefore);
        }
    }
    let command = event.clone().into_command().ok_or(Contradiction::Rules)?;
    let balances: Vec<Balance> =
        command.accounts().map(|account| balance(account.as_str())).collect();
    let decided = match decide(command, &balances) {
        Ok(decided) => decided,
        Err(refused) => Event::Refused(refused),
    };
    if decided == *event { Ok(()) } else { Err(Contradiction::Rules) }
}

fn damage(file: &str, seq_good: Seq, fault: Fault) -> OpenError {
    OpenError::Corrupt(Damage { file: file.into(), offset: 0, seq_good, fault })
}
