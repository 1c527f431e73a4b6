//! Sends many lines at once and brings a reply for each. What was lost on the way is sent again:
//! the lines are questions, or writes with a tx_id, which happen once.

use std::time::Duration;

use client::{Connection, Fault};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::server::Server;
use crate::unanswered;

/// The first pause before a repetition; each later one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A connection that is opened as it is needed.
pub struct Pipe<'s> {
    server: &'s Server,
    connection: Option<Connection>,
    /// Whether anything was ever sent that may have changed something.
    writes: bool,
}

impl<'s> Pipe<'s> {
    /// A pipe for questions.
    pub fn for_questions(server: &'s Server) -> Self {
        Self { server, connection: None, writes: false }
    }

    /// A pipe for writes, each with a tx_id.
    pub fn for_writes(server: &'s Server) -> Self {
        Self { server, connection: None, writes: true }
    }

    /// Sends `lines` and brings their replies, in order. A reply that says «later» is asked for
    /// again. Errors: no reply came for as long as the server's timeout.
    pub async fn ask<L: AsRef<[u8]>>(&mut self, lines: &[L]) -> Result<Vec<Value>, Failure> {
        let mut replies: Vec<Value> = Vec::with_capacity(lines.len());
        let mut deadline = Instant::now() + self.server.timeout;
        let mut pause = PAUSE_MIN;
        loop {
            let left = lines.get(replies.len()..).unwrap_or_default();
            if left.is_empty() {
                return Ok(replies);
            }
            let before = replies.len();
            let fault = self.attempt(left, deadline, &mut replies).await?;
            if replies.len() > before {
                deadline = Instant::now() + self.server.timeout;
                pause = PAUSE_MIN;
            }
            let Some(fault) = fault else { continue };
            self.connection = None;
            if Instant::now() + pause >= deadline {
                return Err(self.failure(fault));
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
    ) -> Result<Option<Fault>, Failure> {
        let timeout = self.server.timeout;
        let mut connection = match self.connection.take().filter(Connection::is_quiet) {
            Some(connection) => connection,
            None => match Connection::open(&self.server.address, timeout, deadline).await {
                Ok(connection) => connection,
                Err(fault) => return Ok(Some(fault)),
            },
        };
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.as_ref());
            bytes.push(b'\n');
        }
        let exchange = connection.exchange(&bytes, lines.len(), timeout, deadline).await;
        for line in exchange.replies {
            let reply: Value = serde_json::from_slice(&line).map_err(|_| self.no_reply(&line))?;
            if is_for_later(&reply) {
                return Ok(Some(Fault::Closed));
            }
            replies.push(reply);
        }
        if exchange.fault.is_none() {
            self.connection = Some(connection);
        }
        Ok(exchange.fault)
    }

    fn no_reply(&self, line: &[u8]) -> Failure {
        let said = String::from_utf8_lossy(line);
        let said: String = said.chars().take(64).collect();
        let text =
            format!("{} answered {said:?}, which is no reply of a bank", self.server.place());
        Failure::new(Exit::NothingDone, "bad_reply", text)
            .hint("another program seems to listen there; name the bank with --server host:port")
    }

    fn failure(&self, fault: Fault) -> Failure {
        let error = if self.writes {
            client::Error::OutcomeUnknown { tx_id: None, cause: fault }
        } else {
            client::Error::NoAnswer(fault)
        };
        let act = crate::act::Act {
            noun: if self.writes { "row" } else { "question" },
            again: crate::shell::Command::new::<&str>("totals", []),
            tx_id: None,
            debit: None,
        };
        let failure = unanswered::failure(error, self.server, &act);
        if self.writes {
            failure.hint("run the same import again: it goes on where it stopped")
        } else {
            failure
        }
    }
}

/// Whether the very same request can get another answer soon.
fn is_for_later(reply: &Value) -> bool {
    let code = reply.get("code").and_then(Value::as_str);
    matches!(
        code,
        Some("overloaded" | "shutting_down" | "outcome_unknown" | "internal" | "index_unavailable")
    )
}

/// A text of a reply; empty where there is none.
pub fn text_of<'v>(reply: &'v Value, key: &str) -> &'v str {
    reply.get(key).and_then(Value::as_str).unwrap_or_default()
}
