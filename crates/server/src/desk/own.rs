//! The list of a customer's own accounts.

use access::Principal;
use engine::query::{AccountLine, Order, StatementPage};
use engine::{Engine, Query, Reading, Unavailable};
use ledger::{AccountId, Seq};

/// Those of `who`'s own accounts that exist, begin with `prefix` and stand behind `after`, by name, at
/// one position.
pub(super) async fn accounts(
    engine: &dyn Engine,
    who: &Principal,
    prefix: &str,
    after: Option<&AccountId<'_>>,
    limit: usize,
    count: bool,
) -> Result<Reading, Unavailable> {
    let named = who.accounts().iter().filter(|name| name.starts_with(prefix));
    let mut names: Vec<&str> = named.map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let (mut accounts, mut next, mut exist_count) = (Vec::new(), None, 0);
    let mut end = None;
    for name in names {
        let is_behind = after.is_none_or(|after| name > after.as_str());
        let is_full = accounts.len() == limit;
        if !count && (!is_behind || is_full && next.is_some()) {
            continue;
        }
        let Some((line, as_of)) = line(engine, name, end).await? else { continue };
        end = Some(as_of);
        let Some(line) = line else { continue };
        exist_count += 1;
        if is_behind && !is_full {
            accounts.push(line);
        } else if is_behind && next.is_none() {
            next = accounts.last().map(|last: &AccountLine| last.account.clone());
        }
    }
    let as_of = end.unwrap_or_else(|| engine.seq_durable());
    Ok(Reading::Accounts { accounts, next, count: count.then_some(exist_count), as_of })
}

/// What the account holds at the position `end`, or now, and when that last changed; without a line
/// when there is no such account. `None`: no account has such a name.
async fn line(
    engine: &dyn Engine,
    name: &str,
    end: Option<Seq>,
) -> Result<Option<(Option<AccountLine>, Seq)>, Unavailable> {
    let Ok(account) = AccountId::new(name) else { return Ok(None) };
    let (from, to, after) = (None, None, None);
    let page = StatementPage { from, to, order: Order::NewestFirst, limit: 1, after, end };
    let reading = engine.read(Query::Statement { account: account.borrow(), page }).await?;
    let Reading::Statement(statement) = reading else { return Ok(None) };
    let account = account.into_owned();
    let line = statement.lines.first().map(|line| AccountLine {
        account,
        balance: statement.after,
        seq: line.seq,
    });
    Ok(Some((line, statement.as_of)))
}
