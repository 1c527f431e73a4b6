//! The bytes that one client sent and nobody has taken yet.
//! Not here: the socket (`connection`), what is in the bytes (`protocol`).
//!
//! Invariants:
//! * A connection that waits holds no buffers of the pool; a line that is not complete yet waits
//!   in memory of its own size.
//! * More room than [`READ_BYTES_MAX`] is held only for a line that does not fit in it, and only
//!   against permits for all of the rest.

use std::sync::Arc;

use protocol::lines::{self, Front, Portion};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::buffers::{Buffers, Pool};
use crate::options::{LONG_LINES_BYTES_MAX, READ_BYTES_MAX};

/// One client's unread bytes, with the buffers that go with them while the connection works.
#[derive(Default)]
pub(crate) struct Input {
    buffers: Option<Buffers>,
    /// The unread bytes while there are no buffers.
    waiting: Vec<u8>,
    /// How many bytes of the buffer are taken.
    taken: usize,
    /// How many unread bytes are known to hold no line feed.
    searched: usize,
    /// What the buffer holds beyond [`READ_BYTES_MAX`].
    long_line: Option<OwnedSemaphorePermit>,
}

/// The memory that all connections share for their long lines, in steps of [`READ_BYTES_MAX`].
pub(crate) struct LongLines(Arc<Semaphore>);

/// All the memory for long lines is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl LongLines {
    /// Room for lines of `bytes` bytes together.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / READ_BYTES_MAX)))
    }
}

impl Default for LongLines {
    fn default() -> Self {
        Self::new(LONG_LINES_BYTES_MAX)
    }
}

impl Input {
    /// The unread bytes.
    pub(crate) fn unread(&self) -> &[u8] {
        match &self.buffers {
            Some(buffers) => &buffers.unread[self.taken..],
            None => &self.waiting,
        }
    }

    /// What stands at the front of the unread bytes.
    pub(crate) fn front(&mut self, portion: Portion) -> Front {
        let front = lines::front(self.unread(), self.searched, portion);
        if front == Front::Partial {
            self.searched = self.unread().len();
        }
        front
    }

    /// The first `bytes` unread bytes, with the places for made tx_ids and for replies beside
    /// them. There are unread bytes, so there are buffers.
    pub(crate) fn work(&mut self, bytes: usize) -> (&[u8], &mut Vec<u8>, &mut Vec<u8>) {
        let Buffers { unread, replies, tx_ids } = self.buffers.get_or_insert_default();
        (&unread[self.taken..self.taken + bytes], tx_ids, replies)
    }

    /// Takes the first `bytes` unread bytes, whose replies are written.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.taken += bytes;
        self.searched = 0;
        if let Some(buffers) = &mut self.buffers {
            buffers.tidy_replies();
        }
    }

    /// Whether the connection waits for its client, with nothing at hand.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.buffers.is_none()
    }

    /// Gives the buffers back until there is something to read. A long line keeps its own.
    pub(crate) fn rest(&mut self, pool: &Pool) {
        if self.long_line.is_none()
            && let Some(buffers) = self.buffers.take()
        {
            self.waiting = buffers.unread[self.taken..].to_vec();
            self.taken = 0;
            pool.give_back(buffers);
        }
    }

    /// The place to read into: behind the unread bytes, with room for at least one more.
    pub(crate) fn place(&mut self, pool: &Pool) -> &mut Vec<u8> {
        let buffers = self.buffers.get_or_insert_with(|| {
            let mut buffers = pool.take();
            buffers.unread.append(&mut self.waiting);
            self.waiting = Vec::new();
            buffers
        });
        &mut buffers.unread
    }

    /// Forgets what was taken, in the place of [`Input::make_room`] for lines that are short.
    pub(crate) fn tidy_front(&mut self) {
        if let Some(buffers) = &mut self.buffers {
            buffers.unread.drain(..std::mem::take(&mut self.taken));
        }
    }

    /// Makes room to read more of a line that is not complete, up to `line_bytes_max` and its line
    /// feed. Errors: `NoRoom`, when other connections hold all that there is for long lines.
    pub(crate) fn make_room(
        &mut self,
        line_bytes_max: usize,
        long_lines: &LongLines,
    ) -> Result<(), NoRoom> {
        let Some(buffers) = &mut self.buffers else { return Ok(()) };
        let unread = &mut buffers.unread;
        unread.drain(..std::mem::take(&mut self.taken));
        if unread.len() < READ_BYTES_MAX {
            unread.shrink_to(READ_BYTES_MAX);
            self.long_line = None;
        } else if unread.len() == unread.capacity() {
            let steps_max = (line_bytes_max + 1).div_ceil(READ_BYTES_MAX);
            let steps = (unread.capacity().div_ceil(READ_BYTES_MAX) * 2).min(steps_max).max(2);
            let held = self.long_line.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let more = u32::try_from(steps - 1 - held).map_err(|_| NoRoom)?;
            let permit = long_lines.0.clone().try_acquire_many_owned(more).map_err(|_| NoRoom)?;
            match &mut self.long_line {
                Some(held) => held.merge(permit),
                None => self.long_line = Some(permit),
            }
            unread.reserve_exact(steps * READ_BYTES_MAX - unread.len());
        }
        Ok(())
    }

    /// Ends a last line that the client left without its line feed.
    pub(crate) fn end(&mut self, pool: &Pool) {
        if !matches!(self.unread().last(), None | Some(b'\n')) {
            self.place(pool).push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTION: Portion = Portion { line_bytes_max: 1 << 20, lines_max: 10, bytes_max: 1 << 16 };

    fn lines(bytes: usize, lines: usize) -> Front {
        Front::Lines { bytes, lines }
    }

    #[test]
    fn a_line_in_two_pieces_waits_in_memory_of_its_own_size_in_between() {
        let pool = Pool::default();
        let mut input = Input::default();
        input.place(&pool).extend_from_slice(b"one\ntw");
        assert_eq!(input.front(PORTION), lines(4, 1));
        input.take(4);
        assert_eq!(input.front(PORTION), Front::Partial);
        input.rest(&pool);
        assert!(input.buffers.is_none());
        assert!(input.waiting.capacity() < 64);
        input.place(&pool).extend_from_slice(b"o\n");
        assert_eq!(input.front(PORTION), lines(4, 1));
        assert_eq!(input.work(4).0, b"two\n");
    }

    #[test]
    fn a_long_line_grows_in_steps_to_its_limit_and_gives_all_back() {
        let pool = Pool::default();
        let long_lines = LongLines::default();
        let mut input = Input::default();
        loop {
            input.make_room(PORTION.line_bytes_max, &long_lines).unwrap();
            let place = input.place(&pool);
            let room = place.capacity() - place.len();
            assert!(room > 0);
            place.resize(place.len() + room, b'x');
            if input.front(PORTION) == Front::TooLong {
                break;
            }
        }
        let capacity = (1 << 20) + READ_BYTES_MAX;
        assert_eq!(input.place(&pool).capacity(), capacity);
        let all = LONG_LINES_BYTES_MAX / READ_BYTES_MAX;
        assert_eq!(long_lines.0.available_permits(), all - 16);
        input.take(capacity - 5);
        input.make_room(PORTION.line_bytes_max, &long_lines).unwrap();
        assert_eq!(input.unread(), b"xxxxx");
        assert_eq!(input.place(&pool).capacity(), READ_BYTES_MAX);
        assert_eq!(long_lines.0.available_permits(), all);
    }

    #[test]
    fn a_line_that_would_pass_what_all_may_hold_finds_no_room() {
        let pool = Pool::default();
        let long_lines = LongLines::new(READ_BYTES_MAX);
        let mut inputs = [Input::default(), Input::default()];
        for input in &mut inputs {
            input.place(&pool).resize(READ_BYTES_MAX, b'x');
        }
        let made = inputs.each_mut().map(|input| input.make_room(1 << 20, &long_lines));
        assert_eq!(made, [Ok(()), Err(NoRoom)]);
    }

    #[test]
    fn a_last_line_without_its_line_feed_is_a_line() {
        let pool = Pool::default();
        let mut input = Input::default();
        input.end(&pool);
        assert_eq!(input.front(PORTION), Front::Partial);
        input.place(&pool).extend_from_slice(b"last");
        assert_eq!(input.front(PORTION), Front::Partial);
        input.end(&pool);
        assert_eq!(input.front(PORTION), lines(5, 1));
    }
}
