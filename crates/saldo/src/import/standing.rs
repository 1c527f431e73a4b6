//! What stands under a tx_id, in the bank or by an earlier row of the file, and what that makes of
//! another row under it: the bank's own ladder, as `docs/protocol.md` has it.

use ledger::Command;
use serde_json::Value;

use super::row::{self, Row};
use super::{Refusal, exported};
use crate::bulk::text_of;

/// What a tx_id is bound to: a hash of the command, its accounts and its amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content([u8; 16]);

/// What stands under a tx_id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// This was done.
    Done(Content),
    /// This was refused, with this code, and stays so.
    Refused(Content, String),
    /// Nothing is ever done under it.
    Void,
}

impl Content {
    /// Of a command. In which order an `init` names its accounts makes no difference.
    pub fn of(command: &Command<'_>) -> Self {
        let mut parts: Vec<(&str, i64)> = match command {
            Command::Init(openings) => {
                openings.as_slice().iter().map(|(name, held)| (name.as_str(), held.get())).collect()
            }
            Command::Deposit { account, amount } | Command::Withdraw { account, amount } => {
                vec![(account.as_str(), amount.get())]
            }
            Command::Transfer(transfer) => {
                let amount = transfer.amount().get();
                vec![(transfer.from().as_str(), amount), (transfer.to().as_str(), amount)]
            }
        };
        let kind: &[u8] = match command {
            Command::Init(_) => b"i",
            Command::Deposit { .. } => b"d",
            Command::Withdraw { .. } => b"w",
            Command::Transfer(_) => b"t",
        };
        if matches!(command, Command::Init(_)) {
            parts.sort_unstable();
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind);
        for (name, amount) in parts {
            // No name has a control character.
            hasher.update(name.as_bytes()).update(b"\0").update(&amount.to_le_bytes());
        }
        let mut content = [0; 16];
        hasher.finalize_xof().fill(&mut content);
        Self(content)
    }
}

impl Standing {
    /// What a transaction that the bank tells stands for. Errors: it is none that this program knows.
    pub fn of(transaction: &Value) -> Result<Self, String> {
        let line = transaction.to_string();
        match text_of(transaction, "tx") {
            "void" => Ok(Self::Void),
            // It has the fields of the request that was refused.
            "refused" => {
                let command = row::of_request(line.as_bytes())?.command;
                Ok(Self::Refused(Content::of(&command), text_of(transaction, "code").to_owned()))
            }
            _ => match exported::read(line.as_bytes())? {
                Row::Write(write) => Ok(Self::Done(Content::of(&write.command))),
                Row::Skip => Ok(Self::Void),
            },
        }
    }

    /// What it says to a row with this content: nothing, for it was done before, or a refusal.
    pub fn answer(&self, content: Content) -> Result<(), Refusal> {
        let no =
            |code: &str, why: &str| Err(Refusal { code: code.to_owned(), why: why.to_owned() });
        match self {
            Self::Void => no("voided", "nothing is ever done under its tx_id"),
            Self::Done(other) | Self::Refused(other, _) if *other != content => {
                no("tx_id_reused", "its tx_id stands for another request")
            }
            Self::Done(_) => Ok(()),
            Self::Refused(_, code) => no(code, "the answer under its tx_id stays no"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(line: &str) -> Content {
        Content::of(&row::of_request(line.as_bytes()).unwrap().command)
    }

    #[test]
    fn a_tx_id_is_bound_to_command_accounts_and_amounts_and_to_nothing_else() {
        let deposit = content(r#"{"cmd":"deposit","user":"a","amount":5,"tx_id":"t"}"#);
        assert_eq!(deposit, content(r#"{"cmd":"deposit","user":"a","amount":"5","not_after":1}"#));
        for other in [
            r#"{"cmd":"deposit","user":"a","amount":6}"#,
            r#"{"cmd":"deposit","user":"b","amount":5}"#,
            r#"{"cmd":"withdraw","user":"a","amount":5}"#,
            r#"{"cmd":"init_accounts","accounts":{"a":5}}"#,
        ] {
            assert_ne!(deposit, content(other), "{other}");
        }
        assert_ne!(
            content(r#"{"cmd":"transfer","from":"a","to":"b","amount":5}"#),
            content(r#"{"cmd":"transfer","from":"b","to":"a","amount":5}"#)
        );
        assert_eq!(
            content(r#"{"cmd":"init_accounts","accounts":{"a":5,"b":6}}"#),
            content(r#"{"cmd":"init_accounts","accounts":{"b":6,"a":5}}"#)
        );
    }
}
