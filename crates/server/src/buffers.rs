//! The buffers of connections that are at work. A connection that waits for its client holds none,
//! so that thousands of them cost little, and the few that work use the same warm memory.

use std::sync::{Mutex, PoisonError};

use crate::options::{BUFFERS_KEPT_MAX, READ_BYTES_MAX, REPLIES_BYTES_KEPT_MAX};

/// What one connection needs while it works.
#[derive(Default)]
pub(crate) struct Buffers {
    /// Bytes read and not yet taken.
    pub(crate) unread: Vec<u8>,
    /// Replies to be written.
    pub(crate) replies: Vec<u8>,
    /// The text of tx_ids that the server made for the batch at hand.
    pub(crate) tx_ids: Vec<u8>,
}

/// Buffers that no connection needs at the moment, the last one given back first.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Vec<Buffers>>);

impl Buffers {
    /// Forgets the contents, and lets go of memory beyond what one batch usually needs.
    pub(crate) fn tidy(&mut self) {
        self.unread.clear();
        self.unread.shrink_to(READ_BYTES_MAX);
        self.tidy_replies();
    }

    /// The same for the replies alone.
    pub(crate) fn tidy_replies(&mut self) {
        self.replies.clear();
        self.replies.shrink_to(REPLIES_BYTES_KEPT_MAX);
    }
}

impl Pool {
    /// A set of buffers, all of them empty, with room for one read.
    pub(crate) fn take(&self) -> Buffers {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffers = kept.unwrap_or_default();
        buffers.unread.reserve_exact(READ_BYTES_MAX);
        buffers
    }

    /// Takes back a set of buffers, whatever is in them.
    pub(crate) fn give_back(&self, mut buffers: Buffers) {
        buffers.tidy();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < BUFFERS_KEPT_MAX {
            kept.push(buffers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_comes_again_empty_and_not_too_large() {
        let pool = Pool::default();
        let mut buffers = pool.take();
        buffers.unread.resize(2 << 20, b'x');
        buffers.replies.resize(2 << 20, b'x');
        pool.give_back(buffers);
        let again = pool.take();
        assert!(again.unread.is_empty() && again.replies.is_empty());
        assert_eq!(again.unread.capacity(), READ_BYTES_MAX);
        assert_eq!(again.replies.capacity(), REPLIES_BYTES_KEPT_MAX);
    }

    #[test]
    fn no_more_than_the_limit_is_kept() {
        let pool = Pool::default();
        let taken: Vec<_> = (0..BUFFERS_KEPT_MAX + 10).map(|_| pool.take()).collect();
        taken.into_iter().for_each(|buffers| pool.give_back(buffers));
        assert_eq!(pool.0.lock().unwrap().len(), BUFFERS_KEPT_MAX);
    }
}
