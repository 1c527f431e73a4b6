//! What to tell when the bank said no: what it found, what was needed, and what would help.

use client::reply::Refusal;
use ledger::limits::BALANCE_MAX;
use protocol::Code;
use serde_json::Value;

use crate::act::Act;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::text;
use crate::server::Server;
use crate::shell::Command;

const NEEDS_TOKEN: &str =
    "name a file with a token that is valid in SALDO_TOKEN_FILE; `saldo token new` makes one";

/// The failure for a reply, to one of many requests, that is not what was asked for.
pub fn no(server: &Server, reply: &Value) -> Failure {
    let text_of = |key: &str| reply.get(key).and_then(Value::as_str).unwrap_or_default();
    let code = text_of("code").to_owned();
    if code.is_empty() {
        let text = format!("{} answered something that is no reply of a bank", server.place());
        return Failure::new(Exit::NothingDone, "bad_reply", text)
            .hint("another program seems to listen there; name the bank with --server host:port");
    }
    let exit = Code::of(&code).map_or(Exit::No, exit_of);
    Failure::new(exit, code, text::message(text_of("error")))
}

/// The failure for a log-in that the bank refused.
pub fn not_let_in(code: &str, error: &str, server: &Server) -> Failure {
    let exit = Code::of(code).map_or(Exit::NothingDone, exit_of);
    let text = format!("{} does not let this client in: {}", server.place(), text::message(error));
    Failure::new(exit, code.to_owned(), text).hint(NEEDS_TOKEN)
}

/// The failure for a request that the bank refused.
pub fn failure(refusal: &Refusal, server: &Server, act: &Act<'_>) -> Failure {
    let known = refusal.known_code();
    let exit = known.map_or(Exit::No, exit_of);
    let failure = |text: &str| {
        let failure = Failure::new(exit, refusal.code.clone(), text);
        match act.tx_id {
            Some(tx_id) => failure.tx_id(tx_id.as_str()),
            None => failure,
        }
    };
    let told = failure(&text::message(&refusal.error));
    let told = if refusal.is_retryable() { told.retryable() } else { told };
    let Some(code) = known else { return told };
    match code {
        // A deposit would not help: the answer to this tx_id stays no.
        Code::InsufficientFunds | Code::BalanceOutOfRange if refusal.duplicate => {
            told.hint("the answer under this tx_id stays no; take a new --tx-id to try anew")
        }
        Code::InsufficientFunds => match (refusal.balance, act.debit) {
            (Some(balance), Some((account, amount))) => {
                let name = text::quoted(account.as_str());
                let noun = act.noun;
                let short = amount.get() - balance.get();
                let deposit = Command::new("deposit", [account.as_str(), &short.to_string()]);
                failure(&format!("account {name} holds {balance}, the {noun} needs {amount}"))
                    .hint(server.aim(deposit).line())
            }
            _ => told,
        },
        Code::InvalidAmount => told.hint("amounts are whole cents: write 1250 for 12.50"),
        Code::InvalidName => told.hint("a name has 1 to 64 bytes of UTF-8, no control characters"),
        Code::InvalidTxId => told.hint("leave --tx-id out and one is made"),
        Code::TxIdReused => {
            told.hint("repeat the first request exactly, or leave --tx-id out for a new one")
        }
        Code::BalanceOutOfRange => {
            told.hint(format!("no account can hold more than {BALANCE_MAX}"))
        }
        Code::DeadlinePassed => told.hint("give a later --not-after, and a new --tx-id"),
        Code::Voided => told.hint("take a new --tx-id; nothing is ever done under this one"),
        Code::UnknownTransaction => told.hint(
            "a number is a seq unless --tx-id stands with it; a request may still be on its way",
        ),
        Code::NotYet => told.hint("`saldo totals` shows the last seq and its time"),
        Code::IndexUnavailable | Code::JournalUnavailable => {
            told.hint("the server's own log says what is wrong")
        }
        Code::Unauthenticated => told.hint(NEEDS_TOKEN),
        Code::Forbidden => told
            .hint("ask with the token of a role that may; docs/access.md has the table of roles"),
        Code::LimitExceeded => told.hint("`saldo token list` shows the limits of each"),
        Code::Behind => told.hint("go on with --from and the seq that it names"),
        Code::Overloaded | Code::RateLimited | Code::DatabaseUnreachable => {
            told.hint(format!("try again in a moment: {}", act.again.line()))
        }
        Code::ShuttingDown => told.hint("start it again with `saldo serve`"),
        Code::Internal => told.hint("the server's own log says why it cannot write"),
        Code::TooLarge | Code::LineTooLong => told.hint("name fewer accounts at a time"),
        Code::UnknownCmd | Code::InvalidRequest | Code::HttpNotSpoken => {
            told.hint("the server may be older than this program: compare with `saldo version`")
        }
        Code::SameAccount | Code::BadJson | Code::MissingField | Code::OutcomeUnknown => told,
    }
}

/// The exit code that stands for each code of the wire.
fn exit_of(code: Code) -> Exit {
    match code {
        Code::InvalidName
        | Code::InvalidAmount
        | Code::SameAccount
        | Code::InvalidTxId
        | Code::TxIdReused
        | Code::InsufficientFunds
        | Code::BalanceOutOfRange
        | Code::DeadlinePassed
        | Code::Voided
        | Code::UnknownTransaction
        | Code::NotYet
        | Code::TooLarge
        | Code::LimitExceeded
        // Only a question ends with it: a write that met it ends with an unknown outcome.
        | Code::Internal => Exit::No,
        Code::BadJson
        | Code::MissingField
        | Code::UnknownCmd
        | Code::InvalidRequest
        | Code::LineTooLong
        | Code::HttpNotSpoken => Exit::Usage,
        Code::Unauthenticated | Code::Forbidden => Exit::NotAllowed,
        Code::Overloaded
        | Code::RateLimited
        | Code::Behind
        | Code::IndexUnavailable
        | Code::JournalUnavailable
        | Code::DatabaseUnreachable
        | Code::ShuttingDown => Exit::NothingDone,
        Code::OutcomeUnknown => Exit::OutcomeUnknown,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use client::Address;
    use ledger::{AccountId, Amount, Balance};

    use super::*;
    use crate::setting::Origin;

    fn refused(code: &str, balance: Option<i64>, origin: Origin) -> Failure {
        let refusal = Refusal {
            code: code.to_owned(),
            error: "the server's own words".to_owned(),
            balance: balance.and_then(Balance::new),
            duplicate: false,
        };
        let server = Server {
            address: Address::parse("bank:1").unwrap(),
            origin,
            timeout: Duration::from_secs(5),
            pass: crate::pass::Pass::default(),
        };
        let alice = AccountId::new("alice").unwrap();
        let again = Command::new("transfer", ["alice", "bob", "5000"]);
        let debit = Some((&alice, Amount::new(5000).unwrap()));
        failure(&refusal, &server, &Act { noun: "transfer", again, tx_id: None, debit })
    }

    #[test]
    fn short_funds_come_with_the_deposit_that_is_short() {
        let failure = refused("insufficient_funds", Some(4000), Origin::Default);
        assert_eq!(
            failure.parts(),
            (
                1,
                "insufficient_funds",
                "account \"alice\" holds 4000, the transfer needs 5000",
                Some("saldo deposit alice 1000")
            )
        );
        let failure = refused("insufficient_funds", Some(4000), Origin::Flag("--server"));
        assert_eq!(failure.parts().3, Some("saldo deposit alice 1000 --server bank:1"));
    }

    #[test]
    fn every_code_of_the_wire_ends_with_the_promised_number() {
        let numbers = [
            ("same_account", 1),
            ("invalid_amount", 1),
            ("invalid_name", 1),
            ("tx_id_reused", 1),
            ("balance_out_of_range", 1),
            ("deadline_passed", 1),
            ("voided", 1),
            ("unknown_transaction", 1),
            ("not_yet", 1),
            ("index_unavailable", 3),
            ("journal_unavailable", 3),
            ("database_unreachable", 3),
            ("missing_field", 2),
            ("unknown_cmd", 2),
            ("bad_json", 2),
            ("line_too_long", 2),
            ("overloaded", 3),
            ("rate_limited", 3),
            ("behind", 3),
            ("unauthenticated", 4),
            ("forbidden", 4),
            ("limit_exceeded", 1),
            ("shutting_down", 3),
            ("outcome_unknown", 5),
            ("internal", 1),
            ("a_code_of_the_future", 1),
        ];
        for (code, number) in numbers {
            let failure = refused(code, None, Origin::Default);
            let (exit, told, text, _) = failure.parts();
            assert_eq!((exit, told, text), (number, code, "the server's own words"));
        }
    }
}
