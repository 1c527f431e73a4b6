//! What can end a run before its time, and what is said about it.

use std::io;
use std::time::Duration;

use rustix::io::Errno;

use super::names::Names;
use super::replies::NoReply;
use crate::act::Act;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::text;
use crate::server::Server;
use crate::shell::Command;
use crate::{duration, unanswered};

/// Why a run ended early.
#[derive(Debug)]
pub enum Fault {
    /// A connection could not be opened.
    NotOpened(client::Fault),
    /// A connection failed with requests in flight.
    Lost {
        /// What the system said; `None` when the server closed it.
        cause: Option<io::Error>,
        /// How many requests were not answered.
        unanswered: u64,
        /// The last no before it, which may say why.
        first_no: Option<String>,
    },
    /// Something came that is no reply; how it begins.
    NoReply(String),
    /// Nothing came on any connection for so long.
    Stalled(Duration),
    /// A thread ended without a result.
    Crashed,
    /// The system gives no event queue, no thread or no signals.
    NoResources(io::Error),
    /// Somebody pressed Ctrl-C, and did not want to wait for the replies.
    Interrupted,
    /// The figures do not fit into the histogram.
    NoRoom,
}

impl Fault {
    /// What to tell about a run on these accounts of this server.
    pub fn failure(self, server: &Server, names: &Names) -> Failure {
        let place = server.place();
        let prefix = names.prefix();
        let left = format!("the accounts {prefix}… stay as they are; run it again for new ones");
        let unknown = |text: String| {
            Failure::new(Exit::OutcomeUnknown, "outcome_unknown", text).hint(&left).retryable()
        };
        match self {
            Self::NotOpened(fault) => unanswered::failure(
                client::Error::Unreachable(fault),
                server,
                &Act {
                    noun: "run",
                    again: Command::new::<&str>("bench", []),
                    tx_id: None,
                    debit: None,
                },
            ),
            Self::Lost { cause, unanswered: count, first_no } => {
                let cause = match cause {
                    Some(error) => unanswered::cause_of_io(&error),
                    None => "the server closed the connection".to_owned(),
                };
                let said = match first_no {
                    Some(no) => format!("; it had said {}", text::message(&no)),
                    None => String::new(),
                };
                unknown(format!(
                    "{count} requests on one connection to {place} were sent and not answered: {cause}{said}"
                ))
            }
            Self::NoReply(line) => {
                let text = format!(
                    "{place} answered {}, which is no reply that this run waits for",
                    text::quoted(&line)
                );
                Failure::new(Exit::OutcomeUnknown, "bad_reply", text)
            }
            Self::Stalled(time) => {
                let time = duration::show(time);
                unknown(format!("nothing was answered on any connection to {place} for {time}"))
            }
            Self::Interrupted => {
                let text = format!("interrupted while replies from {place} were awaited");
                Failure::new(Exit::Interrupted, "interrupted", text).hint(&left)
            }
            Self::Crashed => unknown("a thread of the load ended without a result".to_owned()),
            Self::NoResources(error) => {
                let cause = unanswered::cause_of_io(&error);
                let text = format!("the system gives no thread, queue or signal: {cause}");
                Failure::new(Exit::NothingDone, "no_resources", text)
            }
            Self::NoRoom => Failure::usage("there is no room for the figures of so long a run"),
        }
    }
}

impl From<NoReply> for Fault {
    fn from(odd: NoReply) -> Self {
        Self::NoReply(odd.0)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::NoResources(error)
    }
}

impl From<Errno> for Fault {
    fn from(error: Errno) -> Self {
        Self::NoResources(error.into())
    }
}
