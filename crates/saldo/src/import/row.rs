//! One row of a file: the command that it stands for, under the tx_id that names it for ever.
//!
//! **Invariant:** a row is read by the very rules of the wire, and all that it says is sent: what a
//! server would refuse is refused before anything is sent.

use ledger::{Command, TxId};
use protocol::Incoming;

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A change.
    Write(Write),
    /// Nothing to do: a recorded refusal or a void of an export.
    Skip,
}

/// A change that a row asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// What is to change.
    pub command: Command<'static>,
    /// Its name, when the row has one.
    pub tx_id: Option<TxId<'static>>,
    /// Its deadline by the server's clock, in microseconds since the Unix epoch.
    pub not_after_us: Option<u64>,
}

/// Reads a request as it goes over the wire. Errors: what is wrong with it, in a few words.
pub fn of_request(line: &[u8]) -> Result<Write, String> {
    match protocol::parse_line(line) {
        Ok(Incoming::Write { command, tx_id, not_after_us }) => Ok(Write {
            command: command.into_owned(),
            tx_id: tx_id.map(TxId::into_owned),
            not_after_us,
        }),
        Ok(
            Incoming::Resolve(_)
            | Incoming::Query(_)
            | Incoming::Balance(_)
            | Incoming::Balances(_)
            | Incoming::Shutdown
            | Incoming::Auth(_)
            | Incoming::Follow(_),
        ) => Err("it is no command that moves money".to_owned()),
        Err(refusal) => Err(refusal.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_all_that_it_says() {
        let line = br#"{"cmd":"deposit","user":"a","amount":"007","tx_id":"t","not_after":9}"#;
        let write = of_request(line).unwrap();
        assert!(matches!(&write.command, Command::Deposit { amount, .. } if amount.get() == 7));
        assert_eq!((write.tx_id, write.not_after_us), (TxId::new("t").ok(), Some(9)));
    }

    #[test]
    fn what_is_wrong_with_a_request_is_said_as_the_wire_says_it() {
        for (line, fault) in [
            (r#"{"amount":5}"#, "missing field: 'cmd'"),
            (r#"{"cmd":"fly"}"#, "unknown cmd 'fly'"),
            (r#"{"cmd":"totals"}"#, "no command that moves money"),
            (r#"{"cmd":"deposit","amount":5}"#, "missing field: 'user'"),
            (r#"{"cmd":"deposit","user":"@a","amount":1}"#, "the bank's own"),
            (r#"{"cmd":"transfer","from":"a","to":"a","amount":1}"#, "same account"),
            (r#"{"cmd":"deposit","user":"a","amount":1,"tx_id":17}"#, "tx_id must be a string"),
            (r#"{"cmd":"deposit","user":"a","amount":1,"amount":2}"#, "repeated key 'amount'"),
        ] {
            let told = of_request(line.as_bytes()).unwrap_err();
            assert!(told.contains(fault), "{line}: {told}");
        }
    }
}
