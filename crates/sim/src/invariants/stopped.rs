//! Once the journal has stopped, nothing more is taken, written or acknowledged.

use engine::embedded::{Core, Recaller};
use engine::{Outcome, Request, Unavailable};
use journal::disk::SimDisk;
use journal::{JournalError, Writer};
use ledger::{Amount, Command, TxId};

use crate::asking::ask;
use crate::told::Reply;
use crate::violation::{Broken, Holds};
use crate::workload::account;

const INVARIANT: &str = "a journal that has stopped writes and takes nothing more";

/// The writer whose call failed refuses to go on, and stands where it stood.
pub(crate) fn writes_nothing_more(writer: &mut Writer<SimDisk>) -> Holds {
    let before = writer.position().get();
    let further = writer.commit().map(|committed| committed.map(|committed| committed.head));
    match further {
        Err(JournalError::Stopped) if writer.position().get() == before => Ok(()),
        other => Err(Broken::new(INVARIANT, format!("a further commit gave {other:?}"))),
    }
}

/// The engine refuses changes and says that they were certainly not written.
pub(crate) fn takes_nothing_more(core: &Core<SimDisk>, recaller: &Recaller<SimDisk>) -> Holds {
    let head = core.staging().head();
    let amount = Amount::new(1).unwrap_or_else(|_| unreachable!("one is an amount"));
    let tx_id = TxId::new("too late").unwrap_or_else(|_| unreachable!("short and printable"));
    let command = Command::Deposit { account: account("alice"), amount };
    let request =
        Request::Write { command, tx_id, tx_id_given: true, not_after_us: None, by: None };
    let outcome = ask(core, recaller, request);
    // Where the account is as full as it can be, its refusal could not be recorded either.
    let refused = outcome == Ok(Outcome::Unavailable(Unavailable::JournalStopped));
    if refused && core.staging().head() == head {
        return Ok(());
    }
    Err(Broken::new(INVARIANT, format!("a further change got {outcome:?}")))
}

/// A clean stop leaves nobody without an answer.
pub(crate) fn answers_all(waiting: &[Reply]) -> Holds {
    const INVARIANT: &str = "a clean stop answers everything that it took";
    if waiting.is_empty() {
        return Ok(());
    }
    Err(Broken::new(INVARIANT, format!("still waiting: {waiting:?}")))
}
