//! A connection that follows: one transaction per line, until it ends.

use std::io;

use ledger::Seq;
use protocol::reply::history;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep_until};

use crate::connection::{Connection, Ended};
use crate::desk::seen_by;
use crate::feed::{FeedEnd, Follower, Page};
use crate::last_word::LastWord;
use crate::options::{FOLLOW_ALIVE, REPLIES_BYTES_MAX};
use crate::wire::Wire;

impl<S: Wire> Connection<'_, S> {
    /// Streams what happens from `from` on. Returns how the connection is to end.
    pub(crate) async fn follow(&mut self, from: Option<Seq>) -> io::Result<Ended> {
        let mut follower = match self.house.desk.follow(&self.who, from) {
            Ok(follower) => follower,
            Err(no) => return Ok(Ended::LastWord(LastWord::No(no))),
        };
        self.input.rest(&self.house.pool);
        let mut lines = Vec::new();
        let as_of = follower.durable().max(self.seen);
        history::following(&mut lines, follower.position(), as_of);
        self.say(&lines).await?;
        if !self.input.unread().is_empty() {
            return Ok(Ended::LastWord(LastWord::FollowerSpoke));
        }
        let mut said = Instant::now();
        loop {
            let page = match self.next_page(&mut follower, said + FOLLOW_ALIVE).await? {
                Ok(page) => page,
                Err(ended) => return Ok(ended),
            };
            lines.clear();
            match page {
                Some(page) => {
                    for transaction in page.iter() {
                        if let Some(seen) = seen_by(&self.who, transaction) {
                            history::followed(&mut lines, &seen);
                        }
                        if lines.len() >= REPLIES_BYTES_MAX {
                            self.say(&lines).await?;
                            said = Instant::now();
                            lines.clear();
                        }
                    }
                    self.seen = page.last().map_or(self.seen, |last| last.seq.max(self.seen));
                }
                // All up to here was told, or is not for this client's eyes.
                None => history::nothing_yet(&mut lines, before(follower.position())),
            }
            if !lines.is_empty() {
                self.say(&lines).await?;
                said = Instant::now();
            }
            lines.shrink_to(REPLIES_BYTES_MAX);
        }
    }

    /// The next page; `None` when there was none for some time, or how the connection is to end.
    async fn next_page(
        &mut self,
        follower: &mut Follower,
        alive_at: Instant,
    ) -> io::Result<Result<Option<Page>, Ended>> {
        let mut one = [0];
        tokio::select! {
            biased;
            () = self.wake.cancelled() => Ok(Err(self.woken())),
            heard = self.stream.read(&mut one) => Ok(Err(match heard? {
                0 => Ended::ByClient,
                _ => Ended::LastWord(LastWord::FollowerSpoke),
            })),
            () = sleep_until(alive_at) => Ok(Ok(None)),
            page = follower.next() => Ok(match page {
                Ok(page) => Ok(Some(page)),
                Err(FeedEnd::Unavailable(why)) => Err(Ended::LastWord(LastWord::Unavailable(why))),
                Err(end @ FeedEnd::Behind { .. }) => Err(Ended::LastWord(LastWord::Behind(end))),
            }),
        }
    }

    /// Why a connection that waits was woken.
    pub(crate) fn woken(&self) -> Ended {
        if self.house.stop.is_cancelled() {
            Ended::LastWord(LastWord::Unavailable(engine::Unavailable::ShuttingDown))
        } else {
            Ended::LastWord(LastWord::Revoked)
        }
    }
}

fn before(seq: Seq) -> Seq {
    Seq::new(seq.get().saturating_sub(1))
}
