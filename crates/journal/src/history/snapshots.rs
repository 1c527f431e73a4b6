//! The snapshots of a folder: what each is, and whether the journal bears it out.

use ledger::Seq;

use super::prove::Marks;
use super::{Survey, damage};
use crate::disk::Disk;
use crate::error::{Damage, Fault, OpenError};
use crate::hash::Hash;
use crate::names::{ACTIVE, SNAPSHOT, SNAPSHOT_PREVIOUS};
use crate::scan::Tail;
use crate::snapshot::{self, Candidate, Depth, State};
use crate::workers::Tally;

/// The names of snapshots, the newest first.
pub(super) const NAMES: [&str; 2] = [SNAPSHOT, SNAPSHOT_PREVIOUS];

/// The files of a folder that have the names of snapshots, open.
pub(super) struct Candidates<F>(Vec<Option<Candidate<F>>>);

impl<F> Candidates<F> {
    /// Opens them.
    pub(super) fn find<D: Disk<File = F>>(disk: &D) -> Result<Self, OpenError> {
        let found = NAMES.map(|name| {
            snapshot::find(disk, name).map_err(OpenError::disk(format!("reading {name}")))
        });
        found.into_iter().collect::<Result<_, _>>().map(Self)
    }

    /// Bytes of all.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().flatten().map(|candidate| candidate.bytes).sum()
    }

    /// The seals that they name: the journal must have them.
    pub(super) fn seals(&self) -> impl Iterator<Item = (Seq, Hash)> {
        let heads = self.0.iter().flatten().filter_map(|candidate| candidate.head.as_ref());
        heads.map(|head| (head.seq, head.seal))
    }

    /// Proves the one with this number; the newest always by its lines.
    pub(super) fn examine<D: Disk<File = F>>(
        &self,
        disk: &D,
        number: usize,
        previous: Depth,
        tally: &Tally,
    ) -> std::io::Result<State> {
        let depth = if number == 0 { Depth::Lines } else { previous };
        match self.0.get(number).and_then(Option::as_ref) {
            Some(candidate) => snapshot::examine(disk, candidate, depth, |bytes| tally.add(bytes)),
            None => Ok(State::Absent),
        }
    }

    /// Proves the lines of the one before the newest, if that was left out and the newest is not
    /// to be had: then its lines are the ones that count.
    pub(super) fn look_closer<D: Disk<File = F>>(
        &self,
        disk: &D,
        previous: Depth,
        states: &mut [State],
    ) -> Result<(), OpenError> {
        if let [newest, before] = states
            && !matches!(newest, State::Whole(_))
            && matches!(before, State::Whole(_))
            && previous == Depth::Bytes
        {
            let state = self.examine(disk, 1, Depth::Lines, &Tally::default());
            *before = state.map_err(OpenError::disk(format!("reading {SNAPSHOT_PREVIOUS}")))?;
        }
        Ok(())
    }

    /// Judges a folder without any journal file: new, or robbed of it.
    pub(super) fn without_a_journal<D: Disk<File = F>>(&self, disk: &D) -> Result<(), OpenError> {
        for (number, name) in NAMES.into_iter().enumerate() {
            let state = self.examine(disk, number, Depth::Lines, &Tally::default());
            match state.map_err(OpenError::disk(format!("reading {name}")))? {
                State::Absent => {}
                State::Newer { format } => {
                    return Err(OpenError::NewerFormat { file: name.into(), format });
                }
                State::Foreign => return Err(OpenError::Original { file: name.into() }),
                State::Whole(_) | State::Damaged => {
                    return Err(damage(ACTIVE, 0, Seq::ZERO, Fault::MissingJournal));
                }
            }
        }
        Ok(())
    }
}

/// The original's log may be empty; its snapshot beside it tells.
pub(super) fn or_original(error: OpenError, states: &[State]) -> OpenError {
    let no_header = matches!(
        &error,
        OpenError::Corrupt(Damage { file, fault: Fault::Header, .. }) if file == ACTIVE
    );
    let foreign = states.first() == Some(&State::Foreign);
    if no_header && foreign { OpenError::Original { file: SNAPSHOT.into() } } else { error }
}

/// Holds the snapshots, the newest first, against the journal.
pub(super) fn judge(
    survey: &mut Survey,
    states: Vec<State>,
    seen: &Marks,
) -> Result<(), OpenError> {
    for (name, state) in NAMES.into_iter().zip(states) {
        match state {
            State::Absent => {}
            State::Newer { format } => {
                return Err(OpenError::NewerFormat { file: name.into(), format });
            }
            State::Damaged | State::Foreign => survey.snapshots_damaged.push(name),
            State::Whole(snapshot) => {
                let last = survey.link.last;
                let is_on_chain = seen.seen(snapshot.head.seq, snapshot.head.seal);
                let active = survey.segments.last();
                let (file, offset) =
                    active.map_or((ACTIVE, 0), |active| (&*active.name, active.proven_end));
                // The seal that it names may have stood where the bytes are that no seal proves.
                let is_torn_off = !is_on_chain && matches!(survey.tail, Tail::Torn { .. });
                if snapshot.seq_max > last || is_torn_off {
                    let fault = Fault::ShorterThanSnapshot { seq: snapshot.seq_max };
                    return Err(damage(file, offset, last, fault));
                }
                if !is_on_chain {
                    return Err(damage(name, 0, last, Fault::ForeignSnapshot));
                }
                survey.snapshots.push((name, snapshot));
            }
        }
    }
    Ok(())
}
