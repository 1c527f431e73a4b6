//! What both balances would be. It is a look, not a promise: others move money meanwhile.

use askama::Template;
use axum::extract::{Query as Asked, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use engine::{BalanceReading, Outcome, Request};
use ledger::{AccountId, Balance, Command, Seq};
use serde::Deserialize;

use super::fields::{Faults, Fields, Wanted};
use super::{Confirm, Kind, Notice, form};
use crate::caller::Caller;
use crate::console::fault;
use crate::console::frame::{Frame, Section, page, page_with};
use crate::console::list::another_answer;
use crate::console::money::Money;
use crate::console::names::Name;
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::state::State;

/// One account's part in a move.
pub(super) struct Side {
    pub(super) account: Name,
    pub(super) is_new: bool,
    pub(super) before: Money,
    pub(super) after: Money,
}

/// Shows what would happen, or the form again when it cannot happen.
pub(super) async fn preview(
    state: &State,
    visitor: &Visitor,
    kind: Kind,
    fields: Fields,
    wanted: &Wanted,
    notice: Option<Notice>,
) -> Response {
    let accounts = wanted.command.accounts().map(AccountId::borrow).map(AccountId::into_owned);
    let (readings, as_of) = match balances(state, &visitor.caller, accounts.collect()).await {
        Ok(found) => found,
        Err(problem) => return fault::of_problem(state, visitor, &problem),
    };
    let f = Frame::new(state, visitor, Section::Move);
    let sides: Result<Vec<Side>, Faults> =
        readings.iter().map(|reading| side(&f, &wanted.command, wanted, reading)).collect();
    match sides {
        Ok(sides) => {
            let status = match &notice {
                None => StatusCode::OK,
                Some(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            let amount = f.money(wanted.amount.get());
            let as_of = f.count(as_of.get());
            let fields = Fields { tx_id: wanted.tx_id.as_str().to_owned(), ..fields };
            page_with(status, &Confirm { f, kind, fields, amount, sides, as_of, notice })
        }
        // What was sent before may have happened: only the bank knows, so it is asked again.
        Err(_) if notice.is_some() => {
            let amount = f.money(wanted.amount.get());
            let fields = Fields { tx_id: wanted.tx_id.as_str().to_owned(), ..fields };
            let as_of = f.count(as_of.get());
            let confirm = Confirm { f, kind, fields, amount, sides: Vec::new(), as_of, notice };
            page_with(StatusCode::SERVICE_UNAVAILABLE, &confirm)
        }
        Err(faults) => form(state, visitor, kind, fields, faults, None),
    }
}

/// One side before and after. Errors: it cannot pay, or cannot hold as much.
fn side(
    f: &Frame,
    command: &Command<'_>,
    wanted: &Wanted,
    reading: &BalanceReading<'_>,
) -> Result<Side, Faults> {
    let before = reading.balance.unwrap_or_default();
    let amount = wanted.amount;
    let pays = match command {
        Command::Deposit { .. } | Command::Init(_) => false,
        Command::Withdraw { .. } => true,
        Command::Transfer(transfer) => *transfer.from() == reading.account,
    };
    let after = if pays {
        if !before.covers(amount) {
            return Err(Faults { amount: short(f, before, wanted), ..Faults::default() });
        }
        before.minus(amount)
    } else {
        before.plus(amount)
    };
    let Some(after) = after else {
        return Err(Faults { to: f.t.fault_too_full.to_owned(), ..Faults::default() });
    };
    Ok(Side {
        account: Name::new(reading.account.as_str()),
        is_new: reading.balance.is_none(),
        before: f.money(before.get()),
        after: f.money(after.get()),
    })
}

/// There is less than that: what there is, and what is missing.
pub(super) fn short(f: &Frame, held: Balance, wanted: &Wanted) -> String {
    let missing = i128::from(wanted.amount.get()) - i128::from(held.get());
    f.t.fault_short.replacen("{}", &f.money(held.get()).shown, 1).replacen(
        "{}",
        &f.money(missing).shown,
        1,
    )
}

async fn balances(
    state: &State,
    caller: &Caller,
    accounts: Vec<AccountId<'static>>,
) -> Result<(Vec<BalanceReading<'static>>, Seq), Problem> {
    match state.ask(caller, Request::Balances(accounts)).await? {
        Outcome::Balances { readings, as_of } => {
            let owned = |reading: BalanceReading<'_>| BalanceReading {
                account: reading.account.into_owned(),
                balance: reading.balance,
            };
            Ok((readings.into_iter().map(owned).collect(), as_of))
        }
        Outcome::Unavailable(why) => Err(Problem::unavailable(why)),
        Outcome::Done { .. }
        | Outcome::Resolved { .. }
        | Outcome::Balance { .. }
        | Outcome::Refused { .. }
        | Outcome::Conflict { .. }
        | Outcome::Unknown { .. } => Err(another_answer()),
    }
}

#[derive(Deserialize)]
pub(in crate::console) struct Named {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

/// What a field's account holds, said below the field.
#[derive(Template)]
#[template(path = "hint.html")]
struct Hint {
    t: &'static crate::console::texts::Texts,
    held: Option<Money>,
    is_named: bool,
}

/// `GET /console/data/holds?from=…` or `?to=…`: a fragment.
pub(in crate::console) async fn hint(
    state: Shared<State>,
    visitor: Visitor,
    Asked(named): Asked<Named>,
) -> Response {
    let f = Frame::new(&state, &visitor, Section::Move);
    let typed = if named.from.is_empty() { named.to } else { named.from };
    let Ok(account) = AccountId::new(typed.trim().to_owned()) else {
        return page(&Hint { t: f.t, held: None, is_named: false });
    };
    match balances(&state, &visitor.caller, vec![account]).await {
        Ok((readings, _)) => {
            let balance = readings.first().and_then(|reading| reading.balance);
            let held = balance.map(|balance| f.money(balance.get()));
            page(&Hint { t: f.t, held, is_named: true })
        }
        // A hint is no place for trouble; the form itself will tell.
        Err(_) => page(&Hint { t: f.t, held: None, is_named: false }),
    }
}
