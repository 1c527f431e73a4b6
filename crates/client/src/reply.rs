//! Reply lines: what the server says, read into types. Keys that are not known here are passed
//! over, so that a newer server may say more. Not here: waiting for them.

pub mod history;

use std::fmt;

use ledger::{AccountId, Balance, Seq, TxId};
use protocol::Code;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::error::Fault;

/// What the bank answered: `A` when it did what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<A> {
    /// The reply as it came, without its newline.
    pub line: String,
    /// What it says: the answer, or the bank's no.
    pub answer: Result<A, Refusal>,
}

/// What one account holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Held {
    /// The account asked for.
    #[serde(rename = "user", deserialize_with = "account")]
    pub account: AccountId<'static>,
    /// What it holds; zero when there is no such account.
    #[serde(deserialize_with = "balance")]
    pub balance: Balance,
    /// Whether there is such an account.
    #[serde(default = "yes")]
    pub exists: bool,
}

/// What several accounts hold, all at one position.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HeldMany {
    /// In the order asked.
    pub balances: Vec<Held>,
}

/// A deposit or a withdrawal that happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Moved {
    /// The balance before.
    #[serde(deserialize_with = "balance")]
    pub before: Balance,
    /// The balance after.
    #[serde(deserialize_with = "balance")]
    pub after: Balance,
    /// Its place in the log.
    #[serde(deserialize_with = "seq")]
    pub seq: Seq,
    /// Its name.
    #[serde(deserialize_with = "tx_id")]
    pub tx_id: TxId<'static>,
    /// Whether it had happened before it was asked this time.
    #[serde(default)]
    pub duplicate: bool,
}

/// A transfer that happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Transferred {
    /// The account that paid.
    pub from: Leg,
    /// The account that received.
    pub to: Leg,
    /// Its place in the log.
    #[serde(deserialize_with = "seq")]
    pub seq: Seq,
    /// Its name.
    #[serde(deserialize_with = "tx_id")]
    pub tx_id: TxId<'static>,
    /// Whether it had happened before it was asked this time.
    #[serde(default)]
    pub duplicate: bool,
}

/// One side of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Leg {
    /// Whose side.
    #[serde(rename = "user", deserialize_with = "account")]
    pub account: AccountId<'static>,
    /// The balance before.
    #[serde(deserialize_with = "balance")]
    pub before: Balance,
    /// The balance after.
    #[serde(deserialize_with = "balance")]
    pub after: Balance,
}

/// Balances that were set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Opened {
    /// The accounts and what they hold now, in the order of the reply.
    #[serde(deserialize_with = "accounts")]
    pub accounts: Vec<(AccountId<'static>, Balance)>,
    /// Its place in the log.
    #[serde(deserialize_with = "seq")]
    pub seq: Seq,
    /// Its name.
    #[serde(deserialize_with = "tx_id")]
    pub tx_id: TxId<'static>,
    /// Whether it had happened before it was asked this time.
    #[serde(default)]
    pub duplicate: bool,
}

/// The server is stopping.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Stopping {
    /// What it says about it.
    #[serde(rename = "msg")]
    pub message: String,
}

/// The bank's no.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// The stable code, snake_case.
    pub code: String,
    /// The same for people.
    pub error: String,
    /// What the account holds that the refusal is about.
    #[serde(default, deserialize_with = "balance_if_any")]
    pub balance: Option<Balance>,
    /// Whether this tx_id had been refused before it was asked this time: the answer stays no.
    #[serde(default)]
    pub duplicate: bool,
}

/// Why a line is no reply.
#[derive(Debug, Error)]
pub enum ReplyFault {
    /// It is no JSON object, or lacks what a reply to this request has.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON, but no object.
    #[error("it is no JSON object")]
    NoObject,
    /// It is no UTF-8.
    #[error("it is no UTF-8")]
    NoText(#[source] std::string::FromUtf8Error),
}

impl Refusal {
    /// The code, when it is one that this client knows; a newer server may have others.
    pub fn known_code(&self) -> Option<Code> {
        Code::of(&self.code)
    }

    /// Whether the very same request can get another answer later.
    pub fn is_retryable(&self) -> bool {
        self.known_code().is_some_and(Code::retryable)
    }

    /// Whether the server could not do anything at that moment, so that a client does well to come
    /// again by itself, on another connection. Other retryable refusals wait for something that
    /// may never come.
    pub fn is_of_the_moment(&self) -> bool {
        matches!(
            self.known_code(),
            Some(
                Code::Overloaded
                    | Code::RateLimited
                    | Code::ShuttingDown
                    | Code::DatabaseUnreachable
                    | Code::OutcomeUnknown
                    | Code::Internal
            )
        )
    }

    /// Whether it is what the tx_id of a write stands for. Otherwise the bank did not look, and what
    /// an earlier attempt under that tx_id has done stays open; so it is with a code that only a
    /// newer server has.
    pub fn settles(&self) -> bool {
        self.known_code().is_some_and(Code::settles)
    }

    /// Whether a write that was refused so may have happened all the same.
    pub fn leaves_outcome_unknown(&self) -> bool {
        self.known_code().is_some_and(Code::leaves_outcome_unknown)
    }
}

/// Reads the reply to a request whose answer is an `A`. `line` comes without its newline.
pub fn read<A: DeserializeOwned>(line: Vec<u8>) -> Result<Reply<A>, ReplyFault> {
    #[derive(Deserialize)]
    struct Verdict {
        ok: bool,
    }
    let line = String::from_utf8(line).map_err(ReplyFault::NoText)?;
    // A derived struct would also take a list by position.
    if !line.trim_start().starts_with('{') {
        return Err(ReplyFault::NoObject);
    }
    let Verdict { ok } = serde_json::from_str(&line)?;
    let answer =
        if ok { Ok(serde_json::from_str(&line)?) } else { Err(serde_json::from_str(&line)?) };
    Ok(Reply { line, answer })
}

/// Whether the answer to a log-in is a yes. Errors: `NotLetIn`, with what the server said instead.
pub(crate) fn let_in(line: Vec<u8>) -> Result<(), Fault> {
    match read::<IgnoredAny>(line) {
        Ok(Reply { answer: Ok(_), .. }) => Ok(()),
        Ok(Reply { answer: Err(Refusal { code, error, .. }), .. }) => {
            Err(Fault::NotLetIn { code, error })
        }
        Err(fault) => {
            Err(Fault::NotLetIn { code: "bad_reply".to_owned(), error: fault.to_string() })
        }
    }
}

fn yes() -> bool {
    true
}

fn balance<'de, D: Deserializer<'de>>(from: D) -> Result<Balance, D::Error> {
    Balance::new(i64::deserialize(from)?).ok_or_else(|| D::Error::custom("balance out of range"))
}

fn balance_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Balance>, D::Error> {
    balance(from).map(Some)
}

fn account<'de, D: Deserializer<'de>>(from: D) -> Result<AccountId<'static>, D::Error> {
    AccountId::new(String::deserialize(from)?).map_err(D::Error::custom)
}

fn tx_id<'de, D: Deserializer<'de>>(from: D) -> Result<TxId<'static>, D::Error> {
    TxId::new(String::deserialize(from)?).map_err(D::Error::custom)
}

fn seq<'de, D: Deserializer<'de>>(from: D) -> Result<Seq, D::Error> {
    u64::deserialize(from).map(Seq::new)
}

fn accounts<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<(AccountId<'static>, Balance)>, D::Error> {
    struct InOrder;
    impl<'de> Visitor<'de> for InOrder {
        type Value = Vec<(AccountId<'static>, Balance)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("accounts with their balances")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut pairs = Vec::new();
            while let Some((name, units)) = map.next_entry::<String, i64>()? {
                let account = AccountId::new(name).map_err(M::Error::custom)?;
                let balance =
                    Balance::new(units).ok_or_else(|| M::Error::custom("balance out of range"))?;
                pairs.push((account, balance));
            }
            Ok(pairs)
        }
    }
    from.deserialize_map(InOrder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer<A: DeserializeOwned + fmt::Debug>(line: &str) -> A {
        let reply = read::<A>(line.as_bytes().to_vec()).unwrap();
        assert_eq!(reply.line, line);
        reply.answer.unwrap()
    }

    #[test]
    fn replies_are_read_whatever_else_they_say() {
        let held: Held = answer(
            r#"{"ok":true,"user":"jos\u00e9 \"x\"","balance":-5,"new":{"a":[1]},"as_of":7}"#,
        );
        assert_eq!(held.account.as_str(), "josé \"x\"");
        assert_eq!((held.balance.get(), held.exists), (-5, true));
        let held: Held = answer(r#"{"ok":true,"user":"nobody","balance":0,"exists":false}"#);
        assert!(!held.exists);

        let moved: Moved =
            answer(r#" {"ok": true, "before": 0, "after": 9, "seq": 41, "tx_id": "t"}"#);
        assert_eq!((moved.after.get(), moved.seq.get(), moved.duplicate), (9, 41, false));

        let transferred: Transferred = answer(
            r#"{"ok":true,"from":{"user":"a","before":9,"after":2},"to":{"user":"b","before":0,"after":7},"seq":2,"tx_id":"t","duplicate":true}"#,
        );
        assert_eq!(transferred.from.after.get(), 2);
        assert_eq!(transferred.to.account.as_str(), "b");
        assert!(transferred.duplicate);

        let opened: Opened =
            answer(r#"{"ok":true,"accounts":{"zoe":1,"abe":0},"seq":1,"tx_id":"t"}"#);
        let names: Vec<_> = opened.accounts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["zoe", "abe"], "in the order of the reply");
    }

    #[test]
    fn a_refusal_is_an_answer_with_its_code_and_balance() {
        let line = r#"{"ok":false,"error":"insufficient funds","code":"insufficient_funds","balance":40,"as_of":3}"#;
        let refusal = read::<Moved>(line.as_bytes().to_vec()).unwrap().answer.unwrap_err();
        assert_eq!(refusal.code, "insufficient_funds");
        assert_eq!(refusal.balance.map(Balance::get), Some(40));
        assert_eq!(refusal.known_code(), Some(Code::InsufficientFunds));
        assert!(!refusal.is_retryable());

        let line = r#"{"ok":false,"error":"no tea","code":"no_tea"}"#;
        let refusal = read::<Moved>(line.as_bytes().to_vec()).unwrap().answer.unwrap_err();
        assert_eq!((refusal.known_code(), refusal.is_retryable()), (None, false));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for line in [
            "",
            "HTTP/1.1 400 Bad Request",
            "[true,1,2]",
            "{}",
            r#"{"ok":"true"}"#,
            r#"{"ok":true,"before":1}"#,
            r#"{"ok":true,"before":1.5,"after":2,"seq":1,"tx_id":"t"}"#,
            r#"{"ok":true,"before":9007199254740992,"after":2,"seq":1,"tx_id":"t"}"#,
            r#"{"ok":false}"#,
        ] {
            assert!(read::<Moved>(line.as_bytes().to_vec()).is_err(), "{line}");
        }
        assert!(matches!(read::<Moved>(vec![b'{', 0xff, b'}']), Err(ReplyFault::NoText(_))));
    }
}
