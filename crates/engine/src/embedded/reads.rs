//! Answers questions about history: from the index which events, from the journal what they are.
//! Runs on a reader's thread; it takes system calls.
//!
//! **Invariant:** a reading shows nothing behind its position, and all before it that it is about.

use history::{History, NamesPage};
use journal::Head;
use journal::disk::Disk;
use ledger::{AccountId, Balance, Seq, Transaction, TxId};

use super::accounts::AccountState;
use super::core::Core;
use super::lines::{Lines, ReadError, Walk};
use super::recall::Recaller;
use crate::query::{
    AccountLine, Moment, Named, Order, PAGE_ACCOUNTS_MAX, Query, Reading, Span, Statement,
    StatementLine, StatementPage, Totals,
};

/// How often a list of names is made again because accounts were opened meanwhile. Should it still
/// not be enough, the list has all accounts of its position, and the count may be ahead of it.
const NAMES_TRIES: usize = 8;

/// What a reading is made from.
pub struct Reads<'s, D: Disk> {
    core: &'s Core<D>,
    history: &'s History<D>,
    lines: &'s Lines<D>,
}

impl<'s, D: Disk> Reads<'s, D> {
    /// Reads what `core` holds and what `recaller` reads from.
    pub fn new(core: &'s Core<D>, recaller: &'s Recaller<D>) -> Self {
        Self { core, history: recaller.history(), lines: recaller.lines() }
    }

    /// What must be durable before `query` is answered. IMPORTANT: a moment of the past is settled
    /// by this. What was staged may have happened before it and counts once it is durable; a batch
    /// that read the clock earlier, or a clock that is set back, gives no event such a time any more.
    /// `now_us`: the clock, in microseconds since the Unix epoch, read before; the same as for
    /// [`Reads::answer`].
    pub fn settle(core: &Core<D>, query: &Query<'_>, now_us: u64) -> Seq {
        match query {
            Query::BalanceAt { at: Moment::Time(time_us), .. } if *time_us < now_us => {
                core.staging().settle(*time_us)
            }
            Query::Transaction(_)
            | Query::Transactions(_)
            | Query::Statement { .. }
            | Query::BalanceAt { .. }
            | Query::Accounts { .. }
            | Query::Totals => Seq::ZERO,
        }
    }

    /// Answers `query`, at the clock's `now_us` (microseconds since the Unix epoch). The reading
    /// rests on what is durable and appended to the index. Takes system calls.
    /// Errors: what could not be read; a part of the index that is damaged, or leads to the wrong
    /// place, is built anew at the next start.
    pub fn answer(&self, query: Query<'_>, now_us: u64) -> Result<Reading, ReadError> {
        self.read(query, now_us).inspect_err(|error| error.take_away_damage(self.history))
    }

    fn read(&self, query: Query<'_>, now_us: u64) -> Result<Reading, ReadError> {
        let head = self.history.appended();
        let end = head.seq;
        match query {
            Query::Transaction(named) => {
                let transaction = match named {
                    Named::Seq(seq) if seq == Seq::ZERO || seq > end => None,
                    Named::Seq(seq) => Some(self.lines.read(seq)?),
                    Named::TxId(tx_id) => self.by_tx_id(&tx_id, end)?,
                };
                Ok(Reading::Transaction { transaction, as_of: end })
            }
            Query::Transactions(span) => self.transactions(span, end),
            Query::Statement { account, page } => self.statement(&account, page, end),
            Query::BalanceAt { account, at } => self.balance_at(&account, at, end, now_us),
            Query::Accounts { prefix, after, limit, count } => {
                self.accounts(&prefix, after.as_ref(), limit, count, head)
            }
            Query::Totals => Ok(Reading::Totals(Totals {
                accounts_count: head.accounts_count,
                sum: head.world.strict_neg(),
                money_in: head.money_in,
                // `@world` holds what went out less what came in.
                money_out: head.money_in.strict_add(head.world),
                seq: end,
                at_us: head.at_us,
            })),
        }
    }

    fn by_tx_id(
        &self,
        tx_id: &TxId<'_>,
        end: Seq,
    ) -> Result<Option<Transaction<'static>>, ReadError> {
        let hash = self.history.hash(tx_id.as_str());
        // IMPORTANT: the young ones first. What becomes old in between is then met twice at most,
        // and never missed.
        let mut seqs = self.core.recent_seqs(hash);
        if self.history.may_hold(hash) {
            seqs.extend(self.history.seqs_of_hash(hash)?);
        }
        for seq in seqs.into_iter().filter(|seq| *seq <= end) {
            let transaction = self.lines.read(seq)?;
            if transaction.tx_id == *tx_id {
                return Ok(Some(transaction));
            }
        }
        Ok(None)
    }

    fn transactions(&self, span: Span, end: Seq) -> Result<Reading, ReadError> {
        let last = span.to.map_or(end, |to| to.min(end)).get();
        let first = span.from.get().max(1);
        let limit = span.limit as u64;
        let stop = last.min(first.saturating_add(limit).saturating_sub(1));
        let mut walk = self.lines.walk();
        let mut transactions = Vec::new();
        let mut next = Seq::new(first);
        let mut accounts_count = 0;
        // One that names many accounts is large: then the page is shorter than asked for.
        while next.get() <= stop && accounts_count < PAGE_ACCOUNTS_MAX {
            let transaction = walk.read(next)?;
            accounts_count += transaction.event.accounts_count();
            transactions.push(transaction);
            next = next.next();
        }
        let next = (next.get() > first && next.get() <= last).then_some(next);
        Ok(Reading::Transactions { transactions, next, as_of: end })
    }

    fn statement(
        &self,
        account: &AccountId<'_>,
        page: StatementPage,
        end: Seq,
    ) -> Result<Reading, ReadError> {
        let end = page.end.map_or(end, |fixed| fixed.min(end));
        let mut statement = Statement {
            exists: false,
            lines: Vec::new(),
            before: Balance::ZERO,
            after: Balance::ZERO,
            next: None,
            as_of: end,
        };
        let Some(number) = self.core.number_of(account) else {
            return Ok(Reading::Statement(statement));
        };
        let first = Seq::new(1);
        let newest_first = page.order == Order::NewestFirst;
        let mut from = match page.from {
            None => first,
            Some(Moment::Seq(seq)) => seq.max(first),
            Some(Moment::Time(time_us)) => match time_us.checked_sub(1) {
                Some(before) => self.seq_at(before, end)?.next(),
                None => first,
            },
        };
        let mut to = match page.to {
            None => end,
            Some(Moment::Seq(seq)) => seq.min(end),
            Some(Moment::Time(time_us)) => self.seq_at(time_us, end)?,
        };
        match (page.after, page.order) {
            (None, _) => {}
            (Some(seq), Order::NewestFirst) => to = to.min(Seq::new(seq.get().saturating_sub(1))),
            (Some(seq), Order::OldestFirst) => from = from.max(seq.next()),
        }
        let mut seqs = Vec::new();
        if from <= to {
            let wanted = page.limit.saturating_add(1);
            seqs = self.history.seqs_of_account(number, from, to, newest_first, wanted)?;
        }
        let has_more = seqs.len() > page.limit;
        seqs.truncate(page.limit);
        statement.next = if has_more { seqs.last().copied() } else { None };
        let mut walk = self.lines.walk();
        let mut befores = Vec::with_capacity(seqs.len());
        for seq in seqs {
            let (line, before) = line(&mut walk, account, seq)?;
            befores.push(before);
            statement.lines.push(line);
        }
        let (earliest, latest) = if newest_first {
            (befores.last(), statement.lines.first())
        } else {
            (befores.first(), statement.lines.last())
        };
        if let (Some(before), Some(line)) = (earliest, latest) {
            (statement.before, statement.after) = (*before, line.after);
            statement.exists = true;
        } else {
            let held = self.held(number, account, to)?;
            (statement.before, statement.after) =
                (held.unwrap_or(Balance::ZERO), held.unwrap_or(Balance::ZERO));
            statement.exists =
                !self.history.seqs_of_account(number, first, end, false, 1)?.is_empty();
        }
        Ok(Reading::Statement(statement))
    }

    fn balance_at(
        &self,
        account: &AccountId<'_>,
        at: Moment,
        end: Seq,
        now_us: u64,
    ) -> Result<Reading, ReadError> {
        let as_of = match at {
            Moment::Seq(seq) if seq > end => return Ok(Reading::NotYet { as_of: end }),
            Moment::Seq(seq) => seq,
            // What happens from now on may still get the time of now.
            Moment::Time(time_us) if time_us >= now_us => {
                return Ok(Reading::NotYet { as_of: end });
            }
            Moment::Time(time_us) => self.seq_at(time_us, end)?,
        };
        let balance = match self.core.number_of(account) {
            Some(number) => self.held(number, account, as_of)?,
            None => None,
        };
        Ok(Reading::BalanceAt { balance, as_of })
    }

    /// What the account held behind the event `at`; `None` when it did not exist yet.
    fn held(
        &self,
        number: u32,
        account: &AccountId<'_>,
        at: Seq,
    ) -> Result<Option<Balance>, ReadError> {
        let seqs = self.history.seqs_of_account(number, Seq::new(1), at, true, 1)?;
        let Some(seq) = seqs.first() else { return Ok(None) };
        let (line, _) = line(&mut self.lines.walk(), account, *seq)?;
        Ok(Some(line.after))
    }

    /// The last event up to `end` whose time is not after `time_us`; zero when there is none.
    fn seq_at(&self, time_us: u64, end: Seq) -> Result<Seq, ReadError> {
        let mut seq = self.history.seq_at_time(time_us).min(end);
        let mut walk = self.lines.walk();
        while seq < end && walk.read(seq.next())?.at_us <= time_us {
            seq = seq.next();
        }
        Ok(seq)
    }

    fn accounts(
        &self,
        prefix: &str,
        after: Option<&AccountId<'_>>,
        limit: usize,
        count: bool,
        head: Head,
    ) -> Result<Reading, ReadError> {
        let after = after.map(AccountId::as_str);
        let name_of = |number| self.core.name_of(number).map(str::to_owned);
        let mut head = head;
        let mut page = self.history.names(prefix, after, limit, count, &name_of)?;
        for _ in 0..NAMES_TRIES {
            let now = self.history.appended();
            if now.accounts_count == head.accounts_count {
                break;
            }
            // An account was opened between the position and the list.
            head = now;
            page = self.history.names(prefix, after, limit, count, &name_of)?;
        }
        self.accounts_of(page, head.seq)
    }

    /// The accounts of a page of names, as they were behind the event `end`.
    fn accounts_of(&self, page: NamesPage, end: Seq) -> Result<Reading, ReadError> {
        // Not the last that is shown: those that were opened behind `end` are passed by as well, and
        // older ones may stand behind them.
        let last = page.numbers.last().filter(|_| page.more);
        let last = last.and_then(|number| self.core.name_of(*number));
        let next = last.and_then(|name| AccountId::new(name.to_owned()).ok());
        let mut accounts = Vec::with_capacity(page.numbers.len());
        for number in page.numbers {
            accounts.extend(self.account_line(number, end)?);
        }
        Ok(Reading::Accounts { accounts, next, count: page.count, as_of: end })
    }

    /// What the account with this number held behind the event `end`; `None` when it did not exist.
    fn account_line(&self, number: u32, end: Seq) -> Result<Option<AccountLine>, ReadError> {
        let Some((account, state)) = self.core.state_of(number) else { return Ok(None) };
        if state.seq <= end {
            let AccountState { balance, seq } = state;
            return Ok(Some(AccountLine { account, balance, seq }));
        }
        // It has changed since, by what is not durable or not in the list's position.
        let seqs = self.history.seqs_of_account(number, Seq::new(1), end, true, 1)?;
        let Some(seq) = seqs.first() else { return Ok(None) };
        let (line, _) = line(&mut self.lines.walk(), &account, *seq)?;
        Ok(Some(AccountLine { account, balance: line.after, seq: line.seq }))
    }
}

/// The change of `account` by the event at `seq`, and what it held before.
fn line<D: Disk>(
    walk: &mut Walk<'_, D>,
    account: &AccountId<'_>,
    seq: Seq,
) -> Result<(StatementLine, Balance), ReadError> {
    let missing = ReadError::Missing { seq, marked: seq };
    StatementLine::of(walk.read(seq)?, account).ok_or(missing)
}

#[cfg(all(test, not(feature = "shuttle")))] // whose locks work in the schedule explorer alone
mod tests {
    use std::sync::Arc;

    use history::Group;
    use journal::disk::SimDisk;
    use journal::{Committed, Currency, Genesis, LedgerId};
    use ledger::{Amount, Command};

    use super::*;
    use crate::embedded::{Executed, Now, Options, Parts, open};
    use crate::seam::{Outcome, Request};

    /// Opens an account by a deposit that is durable and appended to the index.
    fn open_account(parts: &mut Parts<SimDisk>, name: &str) {
        let command = Command::Deposit {
            account: AccountId::new(name.to_owned()).expect("the test names an account"),
            amount: Amount::new(1).expect("one is an amount"),
        };
        let tx_id = TxId::new(name.to_owned()).expect("the test names a tx_id");
        let request =
            Request::Write { command, tx_id, tx_id_given: true, not_after_us: None, by: None };
        let executed = parts.core.execute(request, None, Now { us: 1, seq_durable: Seq::ZERO });
        assert!(matches!(executed, Executed::Outcome(Outcome::Done { .. })));
        while let Some(committed) = parts.writer.commit().expect("the disk is whole") {
            let Committed { head, seal, traces, file_first, offset, .. } = committed;
            parts.history.append(Group { head, seal, traces, file_first, offset });
        }
    }

    #[test]
    fn a_page_of_accounts_that_are_all_too_young_leads_to_the_older_ones_behind_them() {
        let currency = Currency::new("BRL").unwrap();
        let options = Options::new(Genesis { ledger: LedgerId(7), currency });
        let disk = Arc::new(SimDisk::new());
        let mut parts = open(Arc::clone(&disk), Arc::new(SimDisk::new()), &options).unwrap();
        open_account(&mut parts, "z");
        let end = parts.history.appended().seq;
        open_account(&mut parts, "a");
        let recaller = parts.recaller(disk);
        let reads = Reads::new(&parts.core, &recaller);
        let page = |after: Option<&AccountId<'_>>| {
            let name_of = |number| parts.core.name_of(number).map(str::to_owned);
            let after = after.map(AccountId::as_str);
            let page = parts.history.names("", after, 1, false, &name_of).unwrap();
            let Reading::Accounts { accounts, next, .. } = reads.accounts_of(page, end).unwrap()
            else {
                panic!("it is a page of accounts")
            };
            let names: Vec<_> = accounts.into_iter().map(|line| line.account).collect();
            (names, next)
        };
        let (names, next) = page(None);
        assert_eq!((names, next.as_ref().map(AccountId::as_str)), (vec![], Some("a")));
        assert_eq!(page(next.as_ref()), (vec![AccountId::new("z").unwrap()], None));
    }
}
