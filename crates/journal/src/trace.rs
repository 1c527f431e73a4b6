//! What is known of an event when it is staged, in a few bytes, so that the index of history need
//! not read the journal's lines again.

use ledger::Seq;

/// Numbers of the accounts of an event that names more than two stand in [`Traces::many`]; then
/// this stands in the first place, and where in the list in the second.
const MANY: u32 = u32::MAX - 1;
/// No account.
const NONE: u32 = u32::MAX;

/// One event: the hash of its tx_id, the accounts that it changes, the length of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The engine's hash of the tx_id.
    pub tx_hash: u64,
    /// Bytes of its line, newline included.
    pub line_bytes: u32,
    accounts: [u32; 2],
}

/// Traces of consecutive events.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    list: Vec<Trace>,
    many: Vec<Box<[u32]>>,
}

/// A part of [`Traces`]: consecutive events from `first` on.
#[derive(Clone, Copy, Debug)]
pub struct TraceSlice<'t> {
    /// Seq of the first event.
    pub first: Seq,
    /// One per event.
    pub list: &'t [Trace],
    many: &'t [Box<[u32]>],
}

impl Traces {
    /// Adds an event that changes the accounts with these numbers.
    pub fn push(&mut self, tx_hash: u64, line_bytes: u32, accounts: &[u32]) {
        let accounts = match *accounts {
            [] => [NONE, NONE],
            [one] => [one, NONE],
            [one, two] => [one, two],
            ref many => {
                let place = u32::try_from(self.many.len()).unwrap_or(NONE);
                self.many.push(many.into());
                [MANY, place]
            }
        };
        self.list.push(Trace { tx_hash, line_bytes, accounts });
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Forgets all, keeping the room.
    pub fn clear(&mut self) {
        self.list.clear();
        self.many.clear();
    }

    /// Those with the places `from` to `to`, of which the first is the event `first`.
    pub fn slice(&self, from: usize, to: usize, first: Seq) -> TraceSlice<'_> {
        TraceSlice { first, list: self.list.get(from..to).unwrap_or_default(), many: &self.many }
    }

    /// Adds what `slice` holds.
    pub fn extend(&mut self, slice: TraceSlice<'_>) {
        self.list.reserve(slice.list.len());
        if slice.many.is_empty() {
            self.list.extend_from_slice(slice.list);
            return;
        }
        for trace in slice.list {
            self.push(trace.tx_hash, trace.line_bytes, slice.accounts_of(trace));
        }
    }
}

impl<'t> TraceSlice<'t> {
    /// The numbers of the accounts that `trace`, one of the list, changes.
    pub fn accounts_of<'a>(&self, trace: &'a Trace) -> &'a [u32]
    where
        't: 'a,
    {
        match trace.accounts {
            [NONE, _] => &[],
            [MANY, place] => {
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                self.many.get(place).map_or(&[], |many| many)
            }
            [_, NONE] => trace.accounts.get(..1).unwrap_or_default(),
            [_, _] => &trace.accounts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_come_back_whatever_their_number() {
        let mut traces = Traces::default();
        let cases: [&[u32]; 5] = [&[], &[7], &[7, 0], &[1, 2, 3], &[9, 8, 7, 6]];
        for accounts in cases {
            traces.push(1, 10, accounts);
        }
        let mut copy = Traces::default();
        copy.extend(traces.slice(1, 3, Seq::new(2)));
        copy.extend(traces.slice(3, 5, Seq::new(4)));
        let slice = copy.slice(0, copy.len(), Seq::new(2));
        let read: Vec<&[u32]> = slice.list.iter().map(|trace| slice.accounts_of(trace)).collect();
        assert_eq!(read, cases[1..]);
    }
}
