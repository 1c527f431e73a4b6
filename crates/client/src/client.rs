//! Asks the bank one thing at a time, within a total timeout, and repeats what may be repeated.
//! Not here: questions about history (`history`), the connection itself (`connection`), the words
//! (`request`, `reply`).
//!
//! **Invariant:** once a write may have reached the server, it ends in the bank's answer or in
//! `OutcomeUnknown`, whatever the later attempts met.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use ledger::{AccountId, Amount, Openings, Transfer, TxId};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::connection::Connection;
use crate::error::{BadLine, Error, Fault};
use crate::reply::{
    self, Held, HeldMany, Moved, Opened, Refusal, Reply, ReplyFault, Stopping, Transferred,
};
use crate::request::{self, Ticket};
use crate::route::Route;

/// The first pause before a repetition; each later one is up to twice as long, with jitter, so that
/// clients that lost their server together do not come back together.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// No pause is longer than twice this.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A client of one server. It connects when it is first asked, and again after a loss.
#[derive(Debug)]
pub struct Client {
    route: Route,
    timeout: Duration,
    connection: Option<Connection>,
}

/// What may be done about a request whose answer was lost.
#[derive(Clone, Copy)]
pub(crate) enum Repeat<'a> {
    /// Ask again: a question changes nothing.
    Question,
    /// Ask again with the same tx_id: it happens once, and is settled once.
    Write(&'a TxId<'a>),
    /// Nothing: a second shutdown would stop the server that was started after the first.
    Never,
}

/// How an attempt ended that brought no final answer.
enum Setback<A> {
    /// Nothing left this machine.
    Unsent(Fault),
    /// It was sent, whole or in part.
    Lost(Fault),
    /// The server said no, and that another answer is possible later.
    Refused(Reply<A>, Refusal),
    /// What came is no reply.
    Bad(BadLine, ReplyFault),
}

/// Makes a tx_id: a UUID of version 7, which is ordered by time.
pub fn new_tx_id() -> TxId<'static> {
    // A UUID is 36 printable characters, so this never takes the second branch.
    TxId::new(Uuid::now_v7().to_string()).unwrap_or_else(|_| unreachable!("a UUID is a tx_id"))
}

impl Client {
    /// A client of the server at the end of `route`, an address as well. `timeout` is the most that one call takes, connecting
    /// and every repetition included. Nothing is sent yet.
    pub fn new(route: impl Into<Route>, timeout: Duration) -> Self {
        Self { route: route.into(), timeout, connection: None }
    }

    /// What does the account hold? Errors: `Unreachable`, `NoAnswer`, `BadReply`.
    pub async fn balance(&mut self, account: &AccountId<'_>) -> Result<Reply<Held>, Error> {
        let mut line = Vec::new();
        request::balance(&mut line, account);
        self.ask(&line, Repeat::Question).await
    }

    /// What do the accounts hold, all at one position? Errors: as [`Client::balance`].
    pub async fn balances(&mut self, accounts: &[AccountId<'_>]) -> Result<Reply<HeldMany>, Error> {
        let mut line = Vec::new();
        request::balances(&mut line, accounts);
        self.ask(&line, Repeat::Question).await
    }

    /// Lets money enter the bank. Errors: `Unreachable`, `OutcomeUnknown`, `BadReply`.
    pub async fn deposit(
        &mut self,
        account: &AccountId<'_>,
        amount: Amount,
        ticket: impl Into<Ticket<'_>>,
    ) -> Result<Reply<Moved>, Error> {
        let (ticket, mut line) = (ticket.into(), Vec::new());
        request::deposit(&mut line, account, amount, ticket);
        self.ask(&line, Repeat::Write(ticket.tx_id)).await
    }

    /// Lets money leave the bank. Errors: as [`Client::deposit`].
    pub async fn withdraw(
        &mut self,
        account: &AccountId<'_>,
        amount: Amount,
        ticket: impl Into<Ticket<'_>>,
    ) -> Result<Reply<Moved>, Error> {
        let (ticket, mut line) = (ticket.into(), Vec::new());
        request::withdraw(&mut line, account, amount, ticket);
        self.ask(&line, Repeat::Write(ticket.tx_id)).await
    }

    /// Moves money between two accounts. Errors: as [`Client::deposit`].
    pub async fn transfer(
        &mut self,
        transfer: &Transfer<'_>,
        ticket: impl Into<Ticket<'_>>,
    ) -> Result<Reply<Transferred>, Error> {
        let (ticket, mut line) = (ticket.into(), Vec::new());
        request::transfer(&mut line, transfer, ticket);
        self.ask(&line, Repeat::Write(ticket.tx_id)).await
    }

    /// Sets balances, all or nothing. Errors: as [`Client::deposit`].
    pub async fn init(
        &mut self,
        openings: &Openings<'_>,
        ticket: impl Into<Ticket<'_>>,
    ) -> Result<Reply<Opened>, Error> {
        let (ticket, mut line) = (ticket.into(), Vec::new());
        request::init(&mut line, openings, ticket);
        self.ask(&line, Repeat::Write(ticket.tx_id)).await
    }

    /// Asks the server to stop in good order; never repeated. Errors: as [`Client::deposit`].
    pub async fn shutdown(&mut self) -> Result<Reply<Stopping>, Error> {
        let mut line = Vec::new();
        request::shutdown(&mut line);
        self.ask(&line, Repeat::Never).await
    }

    /// Sends one request line and brings its answer, within the timeout.
    pub(crate) async fn ask<A: DeserializeOwned>(
        &mut self,
        line: &[u8],
        repeat: Repeat<'_>,
    ) -> Result<Reply<A>, Error> {
        let deadline = Instant::now() + self.timeout;
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(PAUSE_MIN)
            .with_max_delay(PAUSE_MAX)
            .with_jitter()
            .without_max_times()
            .build();
        // Whether any attempt so far may have reached the bank and was not answered.
        let mut lost = false;
        loop {
            let setback = match self.attempt(line, deadline).await {
                Ok(Reply { answer: Err(no), .. })
                    if lost && matches!(repeat, Repeat::Write(_)) && !no.settles() =>
                {
                    // The bank did not look what an attempt before has done.
                    let cause = Fault::Refused(no.code);
                    return Err(Error::OutcomeUnknown { tx_id: repeat.tx_id(), cause });
                }
                Ok(reply) => return Ok(reply),
                Err(setback) => setback,
            };
            lost |= setback.is_lost(repeat);
            let pause = pauses.next().unwrap_or(PAUSE_MAX);
            if !setback.may_repeat(repeat, lost) || Instant::now() + pause >= deadline {
                return setback.conclude(repeat, lost);
            }
            sleep(pause).await;
        }
    }

    /// One try. A connection that failed is dropped, never used again.
    async fn attempt<A: DeserializeOwned>(
        &mut self,
        line: &[u8],
        deadline: Instant,
    ) -> Result<Reply<A>, Setback<A>> {
        let mut connection = match self.connection.take().and_then(Connection::if_quiet) {
            Some(connection) => connection,
            None => Connection::open(&self.route, self.timeout, deadline)
                .await
                .map_err(Setback::Unsent)?,
        };
        let mut exchange = connection.exchange(line, 1, self.timeout, deadline).await;
        let Some(answer) = exchange.replies.pop() else {
            let fault = exchange.fault.unwrap_or(Fault::Closed);
            let unsent = exchange.sent_bytes == 0;
            return Err(if unsent { Setback::Unsent(fault) } else { Setback::Lost(fault) });
        };
        let begin = BadLine::new(&answer);
        let reply = reply::read::<A>(answer).map_err(|fault| Setback::Bad(begin, fault))?;
        match &reply.answer {
            // The server closes the connection behind such an answer, and a request that is sent
            // into its closing would count as lost.
            Err(no) if no.is_of_the_moment() => {
                let no = no.clone();
                Err(Setback::Refused(reply, no))
            }
            Ok(_) | Err(_) => {
                self.connection = Some(connection);
                Ok(reply)
            }
        }
    }
}

impl Repeat<'_> {
    fn tx_id(self) -> Option<TxId<'static>> {
        match self {
            Self::Write(tx_id) => Some(tx_id.clone().into_owned()),
            Self::Question | Self::Never => None,
        }
    }
}

impl<A> Setback<A> {
    /// Whether the request may have reached the bank, which may have done it.
    fn is_lost(&self, repeat: Repeat<'_>) -> bool {
        match (repeat, self) {
            (_, Self::Unsent(_) | Self::Bad(..)) | (Repeat::Question, Self::Refused(..)) => false,
            (_, Self::Lost(_)) => true,
            (Repeat::Write(_) | Repeat::Never, Self::Refused(_, no)) => no.leaves_outcome_unknown(),
        }
    }

    /// Whether another attempt helps. `lost`: whether this or an earlier attempt was lost.
    fn may_repeat(&self, repeat: Repeat<'_>, lost: bool) -> bool {
        match (repeat, self) {
            (Repeat::Never, _) => false,
            // Nobody listens there: the caller wants to know at once. After a loss the server is
            // perhaps being started again, and only it can tell what became of the request.
            (_, Self::Unsent(_)) => lost,
            (_, Self::Lost(Fault::ReplyTooLong) | Self::Bad(..)) => false,
            (_, Self::Lost(_) | Self::Refused(..)) => true,
        }
    }

    /// What the caller hears when this was the last attempt.
    fn conclude(self, repeat: Repeat<'_>, lost: bool) -> Result<Reply<A>, Error> {
        let cause = match self {
            Self::Bad(line, cause) => {
                return Err(Error::BadReply { tx_id: repeat.tx_id(), line, cause });
            }
            // Nothing was done, neither now nor by an attempt before.
            Self::Refused(reply, _) if !lost || matches!(repeat, Repeat::Question) => {
                return Ok(reply);
            }
            Self::Refused(_, no) => Fault::Refused(no.code),
            Self::Unsent(fault) | Self::Lost(fault) => fault,
        };
        Err(match repeat {
            Repeat::Question if lost => Error::NoAnswer(cause),
            Repeat::Write(_) | Repeat::Never if lost => {
                Error::OutcomeUnknown { tx_id: repeat.tx_id(), cause }
            }
            Repeat::Question | Repeat::Write(_) | Repeat::Never => Error::Unreachable(cause),
        })
    }
}
