//! The one order of events: as the engine staged it, and as the surviving files tell it.

use std::collections::BTreeMap;

use journal::Survey;
use ledger::{Balance, By, Event, Seq, Transaction, TxId};

use crate::image::Image;
use crate::violation::Broken;

/// An event as the engine told that it staged it.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) tx_id: TxId<'static>,
    pub(crate) by: Option<By<'static>>,
    pub(crate) event: Event<'static>,
    pub(crate) at_us: u64,
}

/// Everything staged, in order; what a crash took is cut off.
#[derive(Debug, Default)]
pub(crate) struct History {
    events: Vec<Staged>,
    /// Per account, the seqs that changed it and what it held from there on.
    balances: BTreeMap<String, Vec<(Seq, Balance)>>,
}

impl History {
    pub(crate) fn last(&self) -> Seq {
        Seq::new(self.events.len() as u64)
    }

    pub(crate) fn at_us_last(&self) -> u64 {
        self.events.last().map_or(0, |staged| staged.at_us)
    }

    pub(crate) fn events(&self) -> &[Staged] {
        &self.events
    }

    pub(crate) fn push(&mut self, staged: Staged) {
        let seq = self.last().next();
        for leg in staged.event.legs() {
            let changes = self.balances.entry(leg.account.as_str().to_owned()).or_default();
            changes.push((seq, leg.after));
        }
        self.events.push(staged);
    }

    /// Forgets what stands behind `last`.
    pub(crate) fn cut(&mut self, last: Seq) {
        self.events.truncate(usize::try_from(last.get()).unwrap_or(usize::MAX));
        self.balances.retain(|_, changes| {
            changes.retain(|(seq, _)| *seq <= last);
            !changes.is_empty()
        });
    }

    /// The last change of an account up to `as_of`, and what it held from there on; `None` when
    /// there was no such account.
    pub(crate) fn account_at(&self, account: &str, as_of: Seq) -> Option<(Seq, Balance)> {
        let changes = self.balances.get(account)?;
        let count = changes.partition_point(|(seq, _)| *seq <= as_of);
        changes.get(count.checked_sub(1)?).copied()
    }

    /// What an account held at `as_of`; `None` when there was no such account.
    pub(crate) fn balance_at(&self, account: &str, as_of: Seq) -> Option<Balance> {
        self.account_at(account, as_of).map(|(_, balance)| balance)
    }
}

/// What a disk's journal files prove, read line by line.
#[derive(Debug)]
pub(crate) struct Surviving<'i> {
    pub(crate) survey: Survey,
    pub(crate) entries: Vec<Transaction<'i>>,
}

impl<'i> Surviving<'i> {
    /// Reads the files of `image`: the seals by `journal::survey`, the lines between them here.
    pub(crate) fn read(image: &'i Image) -> Result<Self, Broken> {
        const INVARIANT: &str = "what a crash leaves is a journal";
        let survey = journal::survey(image)
            .map_err(|error| Broken::new(INVARIANT, format!("surveyed: {error}")))?;
        let mut entries = Vec::new();
        for segment in &survey.segments {
            let proven = image.bytes(&segment.name).and_then(|bytes| {
                let start = usize::try_from(segment.header_bytes).ok()?;
                let end = usize::try_from(segment.proven_end).ok()?;
                bytes.get(start..end)
            });
            let lines = proven.unwrap_or_default().split(|byte| *byte == b'\n');
            for line in lines.filter(|line| !line.is_empty() && !line.starts_with(b"{\"seal\":")) {
                let entry = journal::decode_record(line).ok_or_else(|| {
                    let text = String::from_utf8_lossy(line);
                    Broken::new(INVARIANT, format!("in {}: {text}", segment.name))
                })?;
                entries.push(entry);
            }
        }
        Ok(Self { survey, entries })
    }

    pub(crate) fn last(&self) -> Seq {
        Seq::new(self.entries.len() as u64)
    }
}
