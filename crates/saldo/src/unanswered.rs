//! What to tell when no answer came: what is certain, where the server was looked for, and the
//! command that settles it.

use std::io;

use client::{Error, Fault};
use ledger::TxId;

use crate::act::Act;
use crate::duration;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::text;
use crate::refused;
use crate::server::Server;

const START: &str = "start it with `saldo serve`, or name another with --server host:port";

/// The failure for a request that got no answer.
pub fn failure(error: Error, server: &Server, act: &Act<'_>) -> Failure {
    match error {
        Error::Unreachable(Fault::NotLetIn { code, error }) => {
            refused::not_let_in(&code, &error, server)
        }
        Error::Unreachable(fault @ (Fault::TokenInTheClear | Fault::NoTls)) => {
            Failure::usage(format!("{}: {fault}", server.place()))
        }
        Error::Unreachable(fault) => unreachable(&fault, server).hint(START),
        Error::NoAnswer(fault) => {
            let hint = match fault {
                Fault::TimedOut(_) => "it may be busy: give it longer with --timeout 30s",
                Fault::Io(_)
                | Fault::Closed
                | Fault::Refused(_)
                | Fault::NotLetIn { .. }
                | Fault::TokenInTheClear
                | Fault::NoTls
                | Fault::ReplyTooLong => START,
            };
            unreachable(&fault, server).hint(hint)
        }
        Error::OutcomeUnknown { tx_id, cause } => unknown(tx_id, &cause, server, act),
        Error::BadReply { tx_id, line, .. } => {
            let said = format!("{} answered {}", server.place(), text::quoted(line.as_str()));
            match tx_id {
                Some(tx_id) => {
                    let text = format!(
                        "{said}, which is no reply of a bank; the {} may have happened",
                        act.noun
                    );
                    Failure::new(Exit::OutcomeUnknown, "bad_reply", text)
                        .hint(settle(act, true))
                        .tx_id(tx_id.as_str())
                }
                None => {
                    let text = format!("{said}, which is no reply of a bank");
                    Failure::new(Exit::NothingDone, "bad_reply", text).hint(
                        "another program seems to listen there; name the bank with --server host:port",
                    )
                }
            }
        }
    }
}

/// The failure that nothing was done, because nobody answered.
pub fn unreachable(fault: &Fault, server: &Server) -> Failure {
    let text = format!("no answer at {}: {}", server.place(), cause(fault));
    Failure::new(Exit::NothingDone, "unreachable", text).retryable()
}

fn unknown(tx_id: Option<TxId<'_>>, fault: &Fault, server: &Server, act: &Act<'_>) -> Failure {
    let within = duration::show(server.timeout);
    let noun = act.noun;
    let text = match fault {
        Fault::TimedOut(_) => {
            format!("the {noun} was sent and no answer came within {within}; it may have happened")
        }
        Fault::Io(_)
        | Fault::Closed
        | Fault::Refused(_)
        | Fault::NotLetIn { .. }
        | Fault::TokenInTheClear
        | Fault::NoTls
        | Fault::ReplyTooLong => format!(
            "the {noun} was sent and no answer came ({}); it may have happened",
            cause(fault)
        ),
    };
    let failure = Failure::new(Exit::OutcomeUnknown, "outcome_unknown", text)
        .hint(settle(act, tx_id.is_some()))
        .retryable();
    match tx_id {
        Some(tx_id) => failure.tx_id(tx_id.as_str()),
        None => failure,
    }
}

/// The command that settles what became of the request.
fn settle(act: &Act<'_>, once: bool) -> String {
    let command = act.again.line();
    if once { format!("{command}   (the same tx_id happens once)") } else { command }
}

/// What ended the last attempt, in words that follow a colon.
fn cause(fault: &Fault) -> String {
    match fault {
        Fault::Io(error) => cause_of_io(error),
        Fault::TimedOut(time) => format!("no answer within {}", duration::show(*time)),
        Fault::Closed
        | Fault::Refused(_)
        | Fault::NotLetIn { .. }
        | Fault::TokenInTheClear
        | Fault::NoTls
        | Fault::ReplyTooLong => fault.to_string(),
    }
}

/// The system's words, as the rest of a message is written: lowercase, without the number.
pub fn cause_of_io(error: &io::Error) -> String {
    let text = error.to_string();
    let words = match error.raw_os_error() {
        Some(number) => text.strip_suffix(&format!(" (os error {number})")).unwrap_or(&text),
        None => &text,
    };
    let mut characters = words.chars();
    let lowercase: String = match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    };
    text::message(&lowercase).into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use client::Address;

    use super::*;
    use crate::setting::Origin;
    use crate::shell::Command;

    fn server(origin: Origin) -> Server {
        Server {
            address: Address::parse("127.0.0.1:5000").unwrap(),
            origin,
            timeout: Duration::from_secs(5),
            pass: crate::pass::Pass::default(),
        }
    }

    fn act() -> Act<'static> {
        let again = Command::new("transfer", ["alice", "bob", "777"]).option("--tx-id", "t-1");
        Act { noun: "transfer", again, tx_id: None, debit: None }
    }

    #[test]
    fn an_unreachable_server_is_named_with_the_origin_of_its_address() {
        let refused = || Fault::Io(io::Error::from_raw_os_error(111));
        let server_of = server(Origin::Variable("SALDO_SERVER"));
        let failure = failure(Error::Unreachable(refused()), &server_of, &act());
        assert_eq!(
            failure.parts(),
            (
                3,
                "unreachable",
                "no answer at 127.0.0.1:5000 (from SALDO_SERVER): connection refused",
                Some("start it with `saldo serve`, or name another with --server host:port")
            )
        );
    }

    #[test]
    fn an_unknown_outcome_comes_with_the_command_that_settles_it() {
        let tx_id = || Some(TxId::new("t-1").unwrap());
        let lost = |cause| Error::OutcomeUnknown { tx_id: tx_id(), cause };
        let time = Duration::from_secs(5);
        let failed = failure(lost(Fault::TimedOut(time)), &server(Origin::Default), &act());
        assert_eq!(
            failed.parts(),
            (
                5,
                "outcome_unknown",
                "the transfer was sent and no answer came within 5s; it may have happened",
                Some("saldo transfer alice bob 777 --tx-id t-1   (the same tx_id happens once)")
            )
        );
        let failed = failure(lost(Fault::Closed), &server(Origin::Default), &act());
        assert_eq!(
            failed.parts().2,
            "the transfer was sent and no answer came (the server closed the connection); it may have happened"
        );
    }

    #[test]
    fn causes_are_written_like_the_rest_of_a_message() {
        assert_eq!(cause_of_io(&io::Error::from_raw_os_error(2)), "no such file or directory");
        assert_eq!(cause_of_io(&io::Error::other("Odd\nthing")), "odd\\u{a}thing");
    }
}
