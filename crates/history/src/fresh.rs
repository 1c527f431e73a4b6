//! What the journal's thread appends, behind a lock that no thread in the background takes: that
//! one gives way to all others, and whoever waited for a lock that it holds would wait as long.
//!
//! A chunk that is closed goes to the background through a channel, which makes nobody wait, and
//! stays here as well until it was taken there.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use journal::Head;
use ledger::Seq;

use crate::Group;
use crate::chunk::Chunk;

/// The open chunk, and those that were closed lately.
pub(crate) struct Fresh {
    /// What is being filled.
    open: Chunk,
    /// Closed chunks in front of it, oldest first: all that the background has not taken yet, and
    /// perhaps some that it has.
    closed: VecDeque<Arc<Chunk>>,
    to_background: Sender<Arc<Chunk>>,
}

impl Fresh {
    /// Empty, behind `before`; and where closed chunks come out, oldest first.
    pub(crate) fn behind(before: Head) -> (Self, Receiver<Arc<Chunk>>) {
        let (to_background, closed) = channel();
        let open = Chunk::behind(before);
        (Self { open, closed: VecDeque::new(), to_background }, closed)
    }

    /// Adds a group, which must follow. Returns what it adds to the weight of the chunk. `taken`: the
    /// background has everything up to here.
    pub(crate) fn append(&mut self, group: &Group<'_>, taken: Seq) -> u64 {
        while self.closed.front().is_some_and(|chunk| chunk.head().seq <= taken) {
            self.closed.pop_front();
        }
        let before = self.open.weight();
        self.open.append(group);
        self.open.weight().saturating_sub(before)
    }

    /// Closes the open chunk, if anything is in it.
    pub(crate) fn close(&mut self) {
        if self.open.len() == 0 {
            return;
        }
        let next = Chunk::behind(self.open.head());
        let closed = Arc::new(mem::replace(&mut self.open, next));
        self.closed.push_back(Arc::clone(&closed));
        // There is a background for as long as there is an index.
        drop(self.to_background.send(closed));
    }

    pub(crate) fn open(&self) -> &Chunk {
        &self.open
    }

    /// The closed chunks behind `taken`, oldest first.
    pub(crate) fn closed_behind(&self, taken: Seq) -> impl Iterator<Item = &Arc<Chunk>> {
        self.closed.iter().filter(move |chunk| chunk.head().seq > taken)
    }
}
