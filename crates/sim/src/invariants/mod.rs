//! What must hold, one promise a file. Each takes what it judges as values and says what it found
//! instead.

pub(crate) mod acknowledged;
pub(crate) mod answers;
pub(crate) mod balances;
pub(crate) mod durable;
pub(crate) mod index;
pub(crate) mod one_answer;
pub(crate) mod opening;
pub(crate) mod prefix;
pub(crate) mod quarantine;
pub(crate) mod rebuilt;
pub(crate) mod replay;
pub(crate) mod shown;
pub(crate) mod snapshot;
pub(crate) mod stopped;
pub(crate) mod tx_ids;
pub(crate) mod verified;
