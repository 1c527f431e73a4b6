//! Who waits for what to become durable. Each waiter is woken when its own seq is, not with every
//! group.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use ledger::Seq;

use super::sync::{Mutex, lock};

/// The durable seq, and those who wait for it.
#[derive(Default)]
pub struct Durability {
    seq: AtomicU64,
    stopped: AtomicBool,
    /// One entry per waiting batch; connections and their batches are bounded by the doors.
    waiting: Mutex<Vec<(Seq, Waker)>>,
}

/// The journal stopped before the seq waited for was durable: the outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

impl Durability {
    /// Everything up to `seq` is durable.
    pub fn new(seq: Seq) -> Self {
        Self { seq: AtomicU64::new(seq.get()), ..Self::default() }
    }

    /// The highest durable seq.
    pub fn seq(&self) -> Seq {
        Seq::new(self.seq.load(Ordering::Acquire))
    }

    /// Says that everything up to `seq` is durable. Called by the journal's thread, after a sync.
    pub fn publish(&self, seq: Seq) {
        self.seq.store(seq.get(), Ordering::Release);
        self.wake(|waiting_for| waiting_for <= seq);
    }

    /// Says that nothing more will become durable.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake(|_| true);
    }

    /// Resolves once `seq` is durable.
    pub fn wait(&self, seq: Seq) -> impl Future<Output = Result<(), Lost>> + '_ {
        Wait { durability: self, seq, registered: None }
    }

    fn wake(&self, is_due: impl Fn(Seq) -> bool) {
        let mut due = Vec::new();
        {
            let mut waiting = lock(&self.waiting);
            let mut at = 0;
            while let Some((seq, _)) = waiting.get(at) {
                if is_due(*seq) {
                    due.push(waiting.swap_remove(at).1);
                } else {
                    at += 1;
                }
            }
        }
        // Outside the lock: a waker may run its task at once.
        due.into_iter().for_each(Waker::wake);
    }

    fn status(&self, seq: Seq) -> Poll<Result<(), Lost>> {
        if self.seq() >= seq {
            Poll::Ready(Ok(()))
        } else if self.stopped.load(Ordering::Acquire) {
            Poll::Ready(Err(Lost))
        } else {
            Poll::Pending
        }
    }
}

struct Wait<'d> {
    durability: &'d Durability,
    seq: Seq,
    /// The waker that stands in the list, so that polling again does not lengthen it.
    registered: Option<Waker>,
}

impl Future for Wait<'_> {
    type Output = Result<(), Lost>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let ready @ Poll::Ready(_) = self.durability.status(self.seq) {
            return ready;
        }
        let mut waiting = lock(&self.durability.waiting);
        // Asked again under the lock: what was published in between has already woken the others.
        if let ready @ Poll::Ready(_) = self.durability.status(self.seq) {
            return ready;
        }
        let waker = context.waker();
        if !self.registered.as_ref().is_some_and(|registered| registered.will_wake(waker)) {
            waiting.push((self.seq, waker.clone()));
            drop(waiting);
            self.registered = Some(waker.clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_waiter_resolves_when_its_own_seq_is_durable() {
        let durability = Durability::new(Seq::new(5));
        assert_eq!(durability.wait(Seq::new(5)).await, Ok(()));
        let mut waiting = Box::pin(durability.wait(Seq::new(7)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        durability.publish(Seq::new(6));
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        durability.publish(Seq::new(7));
        assert_eq!(waiting.await, Ok(()));
    }

    #[tokio::test]
    async fn a_waiter_learns_that_its_seq_is_lost_and_a_durable_one_is_not() {
        let durability = Durability::new(Seq::new(5));
        durability.stop();
        assert_eq!(durability.wait(Seq::new(6)).await, Err(Lost));
        assert_eq!(durability.wait(Seq::new(5)).await, Ok(()));
    }
}
