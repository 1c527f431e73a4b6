//! The fields of a request, and the accounts that it lists, each value still as its own JSON.
//!
//! **Invariant:** no key of an object that means something stands in it twice, however either of
//! the two is escaped; a reader that let the last one win could be told two amounts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use crate::json;
use crate::limits::{KEYS_MAX, USERS_MAX};
use crate::refusal::{JsonFault, ListFault, Refusal};
use crate::shown::shown;

/// The fields that commands know, as far as the request has them. Null is a value.
#[derive(Default)]
pub(crate) struct Fields<'a> {
    pub(crate) cmd: Option<&'a RawValue>,
    pub(crate) user: Option<&'a RawValue>,
    pub(crate) users: Option<&'a RawValue>,
    pub(crate) from: Option<&'a RawValue>,
    pub(crate) to: Option<&'a RawValue>,
    pub(crate) amount: Option<&'a RawValue>,
    pub(crate) accounts: Option<&'a RawValue>,
    pub(crate) tx_id: Option<&'a RawValue>,
    pub(crate) not_after: Option<&'a RawValue>,
    history: Option<Box<HistoryFields<'a>>>,
}

/// The fields that only questions about history and log-ins know: apart, because every write passes here.
#[derive(Clone, Copy, Default)]
pub(crate) struct HistoryFields<'a> {
    pub(crate) seq: Option<&'a RawValue>,
    pub(crate) from_seq: Option<&'a RawValue>,
    pub(crate) from_time: Option<&'a RawValue>,
    pub(crate) to_seq: Option<&'a RawValue>,
    pub(crate) to_time: Option<&'a RawValue>,
    pub(crate) at_seq: Option<&'a RawValue>,
    pub(crate) at_time: Option<&'a RawValue>,
    pub(crate) order: Option<&'a RawValue>,
    pub(crate) limit: Option<&'a RawValue>,
    pub(crate) cursor: Option<&'a RawValue>,
    pub(crate) prefix: Option<&'a RawValue>,
    pub(crate) count: Option<&'a RawValue>,
    token: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    /// Reads the fields of one line. Errors, in the order tried: `EmptyLine`, `NotUtf8` and
    /// `NotAnObject`, then `Syntax`, `RepeatedKey`, `TooManyKeys`, `TooDeep`, `LoneSurrogate`.
    pub(crate) fn read(line: &'a [u8]) -> Result<Self, JsonFault> {
        let text = json::object_text(line)?;
        let mut found = Found::default();
        let mut reader = serde_json::Deserializer::from_str(text);
        found.deserialize(&mut reader)?;
        reader.end()?;
        if let Some(key) = found.repeated {
            return Err(JsonFault::RepeatedKey { shown: shown(&key) });
        }
        if found.keys_count > KEYS_MAX {
            return Err(JsonFault::TooManyKeys);
        }
        if found.too_deep {
            return Err(JsonFault::TooDeep);
        }
        if json::has_lone_surrogate(text) {
            return Err(JsonFault::LoneSurrogate);
        }
        Ok(found.fields)
    }

    /// The fields of a question about history, as far as the request has them.
    pub(crate) fn history(&self) -> HistoryFields<'a> {
        self.history.as_deref().copied().unwrap_or_default()
    }

    /// The secret of an `auth`.
    pub(crate) fn token(&self) -> Option<&'a RawValue> {
        self.history().token
    }

    /// Where the field `key` stands; `None` for a key that no command knows.
    fn place(&mut self, key: &str) -> Option<&mut Option<&'a RawValue>> {
        Some(match key {
            "cmd" => &mut self.cmd,
            "user" => &mut self.user,
            "users" => &mut self.users,
            "from" => &mut self.from,
            "to" => &mut self.to,
            "amount" => &mut self.amount,
            "accounts" => &mut self.accounts,
            "tx_id" => &mut self.tx_id,
            "not_after" => &mut self.not_after,
            "seq" => &mut self.history_mut().seq,
            "from_seq" => &mut self.history_mut().from_seq,
            "from_time" => &mut self.history_mut().from_time,
            "to_seq" => &mut self.history_mut().to_seq,
            "to_time" => &mut self.history_mut().to_time,
            "at_seq" => &mut self.history_mut().at_seq,
            "at_time" => &mut self.history_mut().at_time,
            "order" => &mut self.history_mut().order,
            "limit" => &mut self.history_mut().limit,
            "cursor" => &mut self.history_mut().cursor,
            "prefix" => &mut self.history_mut().prefix,
            "count" => &mut self.history_mut().count,
            "token" => &mut self.history_mut().token,
            _ => return None,
        })
    }

    fn history_mut(&mut self) -> &mut HistoryFields<'a> {
        self.history.get_or_insert_default()
    }
}

/// Reads the object of an `init_accounts`: names in their order, each with its value.
/// Errors: `AccountsNotAnObject`, `RepeatedKey`.
pub(crate) fn accounts(value: &RawValue) -> Result<Vec<(Cow<'_, str>, &RawValue)>, Refusal> {
    if !value.get().starts_with('{') {
        return Err(ListFault::AccountsNotAnObject.into());
    }
    let Entries(entries) = serde_json::from_str(value.get()).map_err(JsonFault::from)?;
    let mut names: Vec<&str> = entries.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    for (name, next) in names.iter().zip(names.iter().skip(1)) {
        if name == next {
            return Err(JsonFault::RepeatedKey { shown: shown(name) }.into());
        }
    }
    Ok(entries)
}

/// Reads the list of a `balance` of many. Errors: `UsersNotAList`, `UsersCount`.
pub(crate) fn users(value: &RawValue) -> Result<Vec<&RawValue>, Refusal> {
    if !value.get().starts_with('[') {
        return Err(ListFault::UsersNotAList.into());
    }
    let Names(names) = serde_json::from_str(value.get()).map_err(JsonFault::from)?;
    if names.is_empty() || names.len() > USERS_MAX {
        return Err(ListFault::UsersCount.into());
    }
    Ok(names)
}

/// All that one walk over the request's object tells.
#[derive(Default)]
struct Found<'a> {
    fields: Fields<'a>,
    /// The keys that no command knows, up to [`KEYS_MAX`] of them.
    unknown: Vec<Cow<'a, str>>,
    keys_count: usize,
    repeated: Option<Cow<'a, str>>,
    too_deep: bool,
}

impl<'a> Found<'a> {
    fn add(&mut self, key: Cow<'a, str>, value: &'a RawValue) {
        self.keys_count += 1;
        self.too_deep |= json::is_too_deep(value.get());
        let repeated = match self.fields.place(&key) {
            Some(place) => place.replace(value).is_some(),
            None if self.keys_count > KEYS_MAX => false,
            None if self.unknown.contains(&key) => true,
            None => {
                self.unknown.push(key);
                return;
            }
        };
        if repeated && self.repeated.is_none() {
            self.repeated = Some(key);
        }
    }
}

/// The key of an object; borrows unless it has escapes.
struct Key<'a>(Cow<'a, str>);

/// Names and values of an object.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// Values of a list, at most one more than [`USERS_MAX`].
struct Names<'a>(Vec<&'a RawValue>);

/// Fills what is there already instead of handing it up through the reader's layers: it is large,
/// and every request passes here.
impl<'de> DeserializeSeed<'de> for &mut Found<'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Found<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((Key(key), value)) = map.next_entry()? {
            self.add(key, value);
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;
        impl<'de> Visitor<'de> for Walk {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((Key(name), value)) = map.next_entry()? {
                    entries.push((name, value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Walk)
    }
}

impl<'de> Deserialize<'de> for Names<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;
        impl<'de> Visitor<'de> for Walk {
            type Value = Names<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut names = Vec::new();
                while let Some(value) = list.next_element()? {
                    names.push(value);
                    if names.len() > USERS_MAX {
                        // One too many is enough to refuse all; the rest is only walked over.
                        while list.next_element::<IgnoredAny>()?.is_some() {}
                    }
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_seq(Walk)
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;
        impl<'de> Visitor<'de> for Walk {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(Walk)
    }
}
