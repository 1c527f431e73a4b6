//! `saldo tx --tail`: transactions as they happen, until somebody ends it.

use std::time::Duration;

use client::reply::history::Transaction;
use client::request;
use client::{Connection, Error, Fault};
use ledger::Seq;
use serde::de::IgnoredAny;
use tokio::signal::ctrl_c;
use tokio::time::{Instant, sleep, timeout};

use crate::act::Act;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::moment::Clock;
use crate::output::{self, Answer, Format, Output};
use crate::server::Server;
use crate::shell::Command;
use crate::{refused, runtime, transaction, unanswered};

/// A server says every 15 s that it is there; one that does not is not.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// Pauses between attempts to connect again.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Shows what happens from `from` on, or from now on.
pub fn run(
    server: &Server,
    from: Option<Seq>,
    output: Output,
    clock: Clock,
) -> Result<(), Failure> {
    let mut tail = Tail { server, next: from, output, clock, is_first: true };
    runtime::block_on(async {
        let ended = tokio::select! {
            ended = tail.follow() => ended,
            _ = ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted", "stopped by Ctrl-C")),
        };
        match (ended, tail.next) {
            (Err(failure), Some(next)) if failure.exit() == Exit::Interrupted => {
                Err(failure.hint(tail.again(next).line()))
            }
            (ended, _) => ended,
        }
    })
}

struct Tail<'s> {
    server: &'s Server,
    /// What comes next; `None` before the server said.
    next: Option<Seq>,
    output: Output,
    clock: Clock,
    is_first: bool,
}

/// What ended a connection.
enum End {
    /// Nobody reads any more.
    Unread,
    /// It was lost, or its server ends it for now.
    Lost(String),
}

impl Tail<'_> {
    /// Follows until nobody reads; a connection that is lost is opened again.
    async fn follow(&mut self) -> Result<(), Failure> {
        let mut pauses = PAUSES.into_iter();
        let mut is_known = false;
        loop {
            let before = self.next;
            let end = match self.connect().await {
                Ok(mut connection) => match self.pass_on(&mut connection).await? {
                    End::Unread => return Ok(()),
                    End::Lost(why) => why,
                },
                Err(fault @ (Fault::NotLetIn { .. } | Fault::TokenInTheClear | Fault::NoTls)) => {
                    return Err(self.unreachable(fault));
                }
                // Nobody is there at all: who asked wants to know at once.
                Err(fault) if !is_known => return Err(self.unreachable(fault)),
                Err(fault) => fault.to_string(),
            };
            if !is_known || self.next != before {
                output::note(&format!("the connection ended ({end}); connecting again"));
                pauses = PAUSES.into_iter();
            }
            is_known = true;
            sleep(pauses.next().unwrap_or(Duration::from_secs(2))).await;
        }
    }

    async fn connect(&self) -> Result<Connection, Fault> {
        let (time, deadline) = (self.server.timeout, Instant::now() + self.server.timeout);
        let mut connection = Connection::open(&self.server.route(), time, deadline).await?;
        let mut line = Vec::new();
        request::follow(&mut line, self.next);
        connection.send(&line, time, deadline).await?;
        Ok(connection)
    }

    /// Shows what comes. Errors: the server does not let this client follow, or its lines are none.
    async fn pass_on(&mut self, connection: &mut Connection) -> Result<End, Failure> {
        loop {
            let line = match timeout(SILENCE_MAX, connection.next_line()).await {
                Ok(Ok(line)) => line,
                Ok(Err(fault)) => return Ok(End::Lost(fault.to_string())),
                Err(_) => return Ok(End::Lost("the server fell silent".to_owned())),
            };
            let Ok(text) = String::from_utf8(line) else { return Err(self.no_reply()) };
            match serde_json::from_str::<Line>(&text) {
                Ok(Line { seq: Some(seq), .. }) => {
                    if !self.show(&text)? {
                        return Ok(End::Unread);
                    }
                    self.next = Some(Seq::new(seq.saturating_add(1)));
                }
                Ok(Line { ok: Some(true), from_seq: Some(from), .. }) => {
                    self.next = Some(Seq::new(from));
                }
                Ok(Line { ok: Some(false), .. }) => {
                    let reply = client::reply::read::<IgnoredAny>(text.into_bytes());
                    let Ok(Err(no)) = reply.map(|reply| reply.answer) else {
                        return Err(self.no_reply());
                    };
                    if no.is_of_the_moment() {
                        return Ok(End::Lost(no.error));
                    }
                    return Err(refused::failure(&no, self.server, &self.act()));
                }
                // A sign of life, or something that a newer server says.
                Ok(_) => {}
                Err(_) => return Err(self.no_reply()),
            }
        }
    }

    /// Shows one transaction; whether anybody reads.
    fn show(&mut self, line: &str) -> Result<bool, Failure> {
        if self.output.is_json() {
            return output::write(&format!("{line}\n"));
        }
        let found: Transaction = serde_json::from_str(line).map_err(|_| self.no_reply())?;
        if self.output == Output::Formatted(Format::Table) {
            return output::write(&transaction::tail_rows(&found, self.clock));
        }
        let mut answer = Answer::default();
        transaction::show(&mut answer, &found, self.clock);
        let is_first = std::mem::replace(&mut self.is_first, false);
        self.output.print_page(&answer, is_first)
    }

    fn again(&self, next: Seq) -> Command {
        let from = next.to_string();
        self.server.aim(Command::new::<&str>("tx", []).flag("--tail").option("--from", &from))
    }

    fn act(&self) -> Act<'static> {
        let again = self.again(self.next.unwrap_or(Seq::new(1)));
        Act { noun: "question", again, tx_id: None, debit: None }
    }

    fn unreachable(&self, fault: Fault) -> Failure {
        unanswered::failure(Error::Unreachable(fault), self.server, &self.act())
    }

    fn no_reply(&self) -> Failure {
        let text = format!("{} answered something that is no reply of a bank", self.server.place());
        Failure::new(Exit::NothingDone, "bad_reply", text)
            .hint("another program seems to listen there; name the bank with --server host:port")
    }
}

/// What tells the kinds of lines apart.
#[derive(serde::Deserialize)]
struct Line {
    ok: Option<bool>,
    seq: Option<u64>,
    from_seq: Option<u64>,
}
