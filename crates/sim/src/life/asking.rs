//! Requests on their way: executed, recalled when they must be, compared with the naive bank, and
//! answered when they may be.

use engine::embedded::{Executed, Now, Recall};
use engine::{Outcome, Request};
use ledger::Rejection;

use crate::invariants::answers;
use crate::told::Reply;
use crate::violation::{Broken, Holds};

use super::{Life, Step};

impl Life<'_, '_> {
    /// Executes one request: it is answered, or waits for a commit.
    pub(super) fn ask(&mut self, request: Request<'static>) -> Step {
        let run = &mut *self.run;
        run.stats.requests += 1;
        // A clock that is set back must not take the journal's time back.
        run.now_us += run.random.between(0, 50);
        if run.random.happens(1, 50) {
            run.now_us -= 1_000;
        }
        let asked = request.clone();
        match self.core.execute(request, None, self.now()) {
            Executed::Outcome(outcome) => {
                self.take(Reply { request: asked, outcome })?;
                Ok(None)
            }
            Executed::Recall(request, recall) => {
                self.run.stats.recalls_waited += u64::from(recall.rests_on() > self.durable);
                self.recalling.push((request, recall));
                // Its reader may be slow: then others come first.
                if self.run.random.happens(1, 4) { Ok(None) } else { self.recall_due() }
            }
        }
    }

    fn now(&self) -> Now {
        Now { us: self.run.now_us, seq_durable: self.durable }
    }

    /// Recalls for everyone who may, and executes those requests again.
    pub(super) fn recall_due(&mut self) -> Step {
        let durable = self.durable;
        let is_due = |(_, recall): &mut (_, Recall)| recall.rests_on() <= durable;
        let due: Vec<_> = self.recalling.extract_if(.., is_due).collect();
        let mut due = due.into_iter();
        while let Some((request, recall)) = due.next() {
            let ending = self.recall(request, recall)?;
            if ending.is_some() {
                self.recalling.extend(due);
                return Ok(ending);
            }
        }
        Ok(None)
    }

    /// Recalls until nobody waits for that any more: everything is durable.
    pub(super) fn recall_rest(&mut self) -> Step {
        while !self.recalling.is_empty() {
            let ending = self.recall_due()?;
            if ending.is_some() {
                return Ok(ending);
            }
        }
        Ok(None)
    }

    fn recall(&mut self, request: Request<'static>, recall: Recall) -> Step {
        let Some(tx_id) = request.tx_id() else {
            return Err(Broken::new(
                "a reading of balances recalls nothing",
                format!("{request:?}"),
            ));
        };
        self.run.stats.recalls += 1;
        let recalled = match self.recaller.recall(tx_id, &recall) {
            Ok(recalled) => recalled,
            Err(error) => {
                // Nothing was done; the client is told so and asks again later.
                let ending = self.unreadable(&error)?;
                self.run.workload.unanswered(request);
                return Ok(ending);
            }
        };
        let asked = request.clone();
        match self.core.execute(request, Some(&recalled), self.now()) {
            Executed::Outcome(outcome) => {
                self.take(Reply { request: asked, outcome })?;
                Ok(None)
            }
            // Others were faster.
            Executed::Recall(request, again) => {
                self.recalling.push((request, again));
                Ok(None)
            }
        }
    }

    /// Holds what came of a request against the model, and answers it if it may be.
    fn take(&mut self, reply: Reply) -> Holds {
        if self.core.staging().is_stopped() && answers::is_turned_away(&reply) {
            // Certainly not written: its client asks again.
            self.run.workload.unanswered(reply.request);
            return Ok(());
        }
        let run = &mut *self.run;
        let staged = answers::follow_from_the_order(
            &mut run.bank,
            &run.order,
            &reply,
            run.now_us,
            self.durable,
        )?;
        if let Some((tx_id, event)) = staged {
            run.stage(tx_id, reply.request.by().cloned(), event);
        }
        self.waiting.push(reply);
        self.answer();
        Ok(())
    }

    /// Gives the replies that rest on nothing but what is durable.
    pub(super) fn answer(&mut self) {
        let (durable, run) = (self.durable, &mut *self.run);
        for reply in self.waiting.extract_if(.., |reply| reply.rests_on() <= durable) {
            run.stats.replies += 1;
            match &reply.outcome {
                Outcome::Done { duplicate: true, .. } => run.stats.duplicates += 1,
                Outcome::Done { .. } => run.stats.acknowledged += 1,
                Outcome::Refused { rejection: Rejection::Voided, .. } => run.stats.late_copies += 1,
                Outcome::Refused { rejection, seq, duplicate, .. } => {
                    run.stats.refusals += 1;
                    let is_late = matches!(rejection, Rejection::DeadlinePassed { .. });
                    run.stats.late += u64::from(is_late && !duplicate);
                    run.stats.acknowledged += u64::from(seq.is_some() && !duplicate);
                }
                Outcome::Resolved { duplicate: true, .. } => run.stats.resolved += 1,
                Outcome::Resolved { .. } => run.stats.voided += 1,
                Outcome::Conflict { .. } => run.stats.conflicts += 1,
                Outcome::Balance { .. }
                | Outcome::Balances { .. }
                | Outcome::Unavailable(_)
                | Outcome::Unknown { .. } => {}
            }
            run.told.push(reply);
        }
    }
}
