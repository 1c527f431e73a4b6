//! Sends many lines at once and brings a reply for each. What was lost on the way is sent again:
//! the lines are questions, or writes with a tx_id, which happen once.
//!
//! **Invariant:** a write that may have happened is never reported as one that did not, and one that
//! certainly did not never as one that may have.

use std::time::Duration;

use client::{Connection, Error, Fault};
use protocol::Code;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::act::Act;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::server::Server;
use crate::shell::Command;
use crate::{refused, unanswered};

/// The first pause before a repetition; each later one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A connection that is opened as it is needed. It belongs to the runtime in which it was opened.
pub struct Pipe<'s> {
    server: &'s Server,
    connection: Option<Connection>,
    /// Whether the server was ever reached.
    was_reached: bool,
}

/// What came of writes that were sent together.
pub struct Sent {
    /// The replies, in order; fewer than writes where it was given up.
    pub replies: Vec<Value>,
    /// Whether any write was sent more than once, so that its reply may be that to a repetition.
    pub was_repeated: bool,
    /// Why there are fewer.
    pub lost: Option<Lost>,
}

/// Why the replies to some writes never came.
pub struct Lost {
    /// What to tell.
    pub failure: Failure,
    /// Whether any of the writes without a reply may have happened.
    pub may_have_happened: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Questions,
    Writes,
}

/// What ended an attempt before all replies were there.
enum Setback {
    /// Nothing was sent.
    Unsent(Fault),
    /// It was sent, and the rest of the replies did not come.
    Lost(Fault),
    /// A reply says that it may be asked again later.
    Later {
        reply: Value,
        /// Whether the bank did none of what has no reply yet.
        is_undone: bool,
    },
    /// It is no reply of a bank.
    NoReply(String),
}

impl<'s> Pipe<'s> {
    /// A pipe to this server; nothing is opened yet.
    pub fn new(server: &'s Server) -> Self {
        Self { server, connection: None, was_reached: false }
    }

    /// Asks questions and brings their replies, in order. A reply that says «later» is asked for
    /// again. Errors: no reply came for as long as the server's timeout.
    pub async fn ask<L: AsRef<[u8]>>(&mut self, lines: &[L]) -> Result<Vec<Value>, Failure> {
        let Sent { replies, lost, .. } = self.exchange(lines, Kind::Questions).await;
        match lost {
            None => Ok(replies),
            Some(Lost { failure, .. }) => Err(failure),
        }
    }

    /// Sends writes, each with a tx_id, and brings their replies, in the same way.
    pub async fn send<L: AsRef<[u8]>>(&mut self, lines: &[L]) -> Sent {
        self.exchange(lines, Kind::Writes).await
    }

    async fn exchange<L: AsRef<[u8]>>(&mut self, lines: &[L], kind: Kind) -> Sent {
        let mut sent =
            Sent { replies: Vec::with_capacity(lines.len()), was_repeated: false, lost: None };
        let mut deadline = Instant::now() + self.server.timeout;
        let mut pause = PAUSE_MIN;
        let mut may_have_happened = false;
        loop {
            let before = sent.replies.len();
            let left = lines.get(before..).unwrap_or_default();
            if left.is_empty() {
                return sent;
            }
            let Err(setback) = self.attempt(left, deadline, &mut sent.replies).await else {
                continue;
            };
            self.connection = None;
            sent.was_repeated = true;
            may_have_happened |= setback.leaves_doubt();
            if sent.replies.len() > before {
                deadline = Instant::now() + self.server.timeout;
                pause = PAUSE_MIN;
            }
            let is_hopeless = match &setback {
                // Nobody listens there: whoever asked wants to know at once. A server that was
                // there is perhaps being started again.
                Setback::Unsent(_) => !self.was_reached,
                Setback::NoReply(_) => true,
                Setback::Lost(_) | Setback::Later { .. } => false,
            };
            if is_hopeless || Instant::now() + pause >= deadline {
                let may_have_happened = may_have_happened && kind == Kind::Writes;
                let failure = self.failure(setback, kind, may_have_happened);
                sent.lost = Some(Lost { failure, may_have_happened });
                return sent;
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// One try; what came is added to `replies`.
    async fn attempt<L: AsRef<[u8]>>(
        &mut self,
        lines: &[L],
        deadline: Instant,
        replies: &mut Vec<Value>,
    ) -> Result<(), Setback> {
        let timeout = self.server.timeout;
        let mut connection = match self.connection.take().and_then(Connection::if_quiet) {
            Some(connection) => connection,
            None => Connection::open(&self.server.route(), timeout, deadline)
                .await
                .map_err(Setback::Unsent)?,
        };
        self.was_reached = true;
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.as_ref());
            bytes.push(b'\n');
        }
        let exchange = connection.exchange(&bytes, lines.len(), timeout, deadline).await;
        let mut came = Vec::with_capacity(exchange.replies.len());
        for line in &exchange.replies {
            came.push(serde_json::from_slice(line).map_err(|_| Setback::no_reply(line))?);
        }
        let unanswered_count = lines.len().saturating_sub(came.len());
        let mut came = came.into_iter();
        while let Some(reply) = came.next() {
            if is_for_later(&reply) {
                let is_undone = is_undone(&reply, came.as_slice(), unanswered_count);
                return Err(Setback::Later { reply, is_undone });
            }
            replies.push(reply);
        }
        match exchange.fault {
            None => {
                self.connection = Some(connection);
                Ok(())
            }
            Some(fault) if exchange.sent_bytes == 0 => Err(Setback::Unsent(fault)),
            Some(fault) => Err(Setback::Lost(fault)),
        }
    }

    fn failure(&self, setback: Setback, kind: Kind, may_have_happened: bool) -> Failure {
        let act = Act {
            noun: if kind == Kind::Writes { "row" } else { "question" },
            again: Command::new::<&str>("totals", []),
            tx_id: None,
            debit: None,
        };
        let told = |error| unanswered::failure(error, self.server, &act);
        let fault = match setback {
            Setback::NoReply(said) => return self.no_reply(&said, may_have_happened),
            Setback::Later { reply, .. } if !may_have_happened => {
                return refused::no(self.server, &reply).retryable();
            }
            Setback::Later { reply, .. } => Fault::Refused(text_of(&reply, "code").to_owned()),
            Setback::Unsent(fault) if !may_have_happened => return told(Error::Unreachable(fault)),
            Setback::Unsent(fault) | Setback::Lost(fault) => fault,
        };
        match kind {
            Kind::Questions => told(Error::NoAnswer(fault)),
            Kind::Writes => told(Error::OutcomeUnknown { tx_id: None, cause: fault }).hint(AGAIN),
        }
    }

    fn no_reply(&self, said: &str, may_have_happened: bool) -> Failure {
        let place = self.server.place();
        let text = format!("{place} answered {said:?}, which is no reply of a bank");
        if may_have_happened {
            let text = format!("{text}; the row may have happened");
            return Failure::new(Exit::OutcomeUnknown, "bad_reply", text).hint(AGAIN);
        }
        Failure::new(Exit::NothingDone, "bad_reply", text)
            .hint("another program seems to listen there; name the bank with --server host:port")
    }
}

const AGAIN: &str = "run the same import again: it goes on where it stopped";

impl Setback {
    fn no_reply(line: &[u8]) -> Self {
        Self::NoReply(String::from_utf8_lossy(line).chars().take(64).collect())
    }

    /// Whether any write without a reply may have happened.
    fn leaves_doubt(&self) -> bool {
        match self {
            Self::Unsent(_) => false,
            Self::Later { is_undone, .. } => !is_undone,
            Self::Lost(_) | Self::NoReply(_) => true,
        }
    }
}

fn code_of(reply: &Value) -> Option<Code> {
    Code::of(text_of(reply, "code"))
}

/// Whether the very same request can get another answer soon.
fn is_for_later(reply: &Value) -> bool {
    matches!(
        code_of(reply),
        Some(
            Code::Overloaded
                | Code::RateLimited
                | Code::ShuttingDown
                | Code::OutcomeUnknown
                | Code::Internal
                | Code::IndexUnavailable
                | Code::JournalUnavailable
                | Code::DatabaseUnreachable
        )
    )
}

/// Whether nothing was done of what `reply` answers, and nothing of what stands behind it: `behind`
/// are the replies that came to some of that, `unanswered_count` is of how much none came.
fn is_undone(reply: &Value, behind: &[Value], unanswered_count: usize) -> bool {
    let all = || std::iter::once(reply).chain(behind);
    let is_certain = |reply: &Value| {
        code_of(reply).is_some_and(|code| code.retryable() && !code.leaves_outcome_unknown())
    };
    // Behind «overloaded» the server closes the connection and executes nothing more of it.
    let is_closed = all().last().and_then(code_of) == Some(Code::Overloaded);
    all().all(is_certain) && (unanswered_count == 0 || is_closed)
}

/// A text of a reply; empty where there is none.
pub fn text_of<'v>(reply: &'v Value, key: &str) -> &'v str {
    reply.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_the_bank_says_was_not_done_is_certain() {
        let no = |code: &str| json!({"ok": false, "code": code});
        let done = json!({"ok": true, "seq": 1});
        for (reply, behind, unanswered_count, expected) in [
            (no("index_unavailable"), vec![], 0, true),
            (no("index_unavailable"), vec![], 1, false),
            (no("index_unavailable"), vec![done], 0, false),
            (no("shutting_down"), vec![no("shutting_down")], 0, true),
            (no("shutting_down"), vec![], 1, false),
            (no("journal_unavailable"), vec![no("index_unavailable")], 0, true),
            (no("database_unreachable"), vec![no("database_unreachable")], 0, true),
            (no("database_unreachable"), vec![no("outcome_unknown")], 0, false),
            (no("database_unreachable"), vec![], 1, false),
            (no("a_code_of_later"), vec![], 0, false),
            (no("overloaded"), vec![], 9, true),
            (no("outcome_unknown"), vec![], 0, false),
            (no("internal"), vec![], 0, false),
        ] {
            let found = is_undone(&reply, &behind, unanswered_count);
            assert_eq!(found, expected, "{reply} {behind:?} {unanswered_count}");
        }
    }
}
