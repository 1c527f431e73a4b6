//! The rules: from a command and the balances it meets to an event or a rejection.

use crate::command::Command;
use crate::event::{Event, Leg, Refused};
use crate::money::Balance;
use crate::rejection::Rejection;

/// Decides `command` on the balances that its accounts hold.
///
/// `balances`: one per account, in the order of [`Command::accounts`]; an account that does not
/// exist yet holds [`Balance::ZERO`]. Reads no clock and no state besides.
/// Returns the event, or the command itself with the reason, of which the ladder tries, in this
/// order: `InsufficientFunds`, `BalanceOutOfRange`.
/// Panics when `balances` does not match the command: a fault of the caller, not of a client.
pub fn decide<'a>(command: Command<'a>, balances: &[Balance]) -> Result<Event<'a>, Refused<'a>> {
    assert_eq!(balances.len(), command.accounts_count(), "one balance per account");
    match command {
        Command::Init(openings) => {
            let legs = openings
                .into_inner()
                .into_iter()
                .zip(balances)
                .map(|((account, after), before)| Leg { account, before: *before, after })
                .collect();
            Ok(Event::Init { legs })
        }
        Command::Deposit { account, amount } => {
            let before = balance_at(balances, 0);
            let Some(after) = before.plus(amount) else {
                let rejection = Rejection::BalanceOutOfRange { balance: before };
                return Err(Refused { command: Command::Deposit { account, amount }, rejection });
            };
            Ok(Event::Deposit { leg: Leg { account, before, after }, amount })
        }
        Command::Withdraw { account, amount } => {
            let before = balance_at(balances, 0);
            let left = if before.covers(amount) { before.minus(amount) } else { None };
            let Some(after) = left else {
                let rejection = Rejection::InsufficientFunds { balance: before };
                return Err(Refused { command: Command::Withdraw { account, amount }, rejection });
            };
            Ok(Event::Withdraw { leg: Leg { account, before, after }, amount })
        }
        Command::Transfer(transfer) => {
            let (from_before, to_before) = (balance_at(balances, 0), balance_at(balances, 1));
            let amount = transfer.amount();
            let left = if from_before.covers(amount) { from_before.minus(amount) } else { None };
            let Some(from_after) = left else {
                let rejection = Rejection::InsufficientFunds { balance: from_before };
                return Err(Refused { command: Command::Transfer(transfer), rejection });
            };
            let Some(to_after) = to_before.plus(amount) else {
                let rejection = Rejection::BalanceOutOfRange { balance: to_before };
                return Err(Refused { command: Command::Transfer(transfer), rejection });
            };
            // From here it must succeed.
            let (from, to, amount) = transfer.into_parts();
            Ok(Event::Transfer {
                from: Leg { account: from, before: from_before, after: from_after },
                to: Leg { account: to, before: to_before, after: to_after },
                amount,
            })
        }
    }
}

/// The balance of the command's n-th account, whose presence `decide` asserted.
fn balance_at(balances: &[Balance], n: usize) -> Balance {
    balances.get(n).copied().expect("asserted above: one balance per account")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountId;
    use crate::command::{Openings, Transfer};
    use crate::limits::BALANCE_MAX;
    use crate::money::Amount;

    fn account(name: &str) -> AccountId<'_> {
        AccountId::new(name).unwrap()
    }
    fn amount(minor_units: i64) -> Amount {
        Amount::new(minor_units).unwrap()
    }
    fn balance(minor_units: i64) -> Balance {
        Balance::new(minor_units).unwrap()
    }
    fn transfer(minor_units: i64) -> Command<'static> {
        Command::Transfer(Transfer::new(account("a"), account("b"), amount(minor_units)).unwrap())
    }

    #[test]
    fn a_transfer_takes_and_gives_the_same_amount() {
        let event = decide(transfer(70), &[balance(100), balance(5)]).unwrap();
        let after: Vec<i64> = event.legs().map(|leg| leg.after.get()).collect();
        assert_eq!(after, [30, 75]);
        assert_eq!(event.world_delta(), 0);
    }

    #[test]
    fn a_transfer_of_more_than_the_account_holds_is_refused_with_its_balance() {
        let refused = decide(transfer(101), &[balance(100), balance(5)]).unwrap_err();
        assert_eq!(refused.rejection, Rejection::InsufficientFunds { balance: balance(100) });
        assert_eq!(refused.command, transfer(101));
    }

    #[test]
    fn a_transfer_that_would_overfill_the_receiver_is_refused() {
        let refused = decide(transfer(1), &[balance(1), balance(BALANCE_MAX)]).unwrap_err();
        let expected = Rejection::BalanceOutOfRange { balance: balance(BALANCE_MAX) };
        assert_eq!(refused.rejection, expected);
    }

    #[test]
    fn a_deposit_that_would_overfill_the_account_is_refused() {
        let deposit = Command::Deposit { account: account("a"), amount: amount(2) };
        let refused = decide(deposit, &[balance(BALANCE_MAX - 1)]).unwrap_err();
        assert_eq!(refused.rejection.code(), "balance_out_of_range");
    }

    #[test]
    fn a_withdrawal_may_take_everything_and_not_one_unit_more() {
        let withdraw = |n| Command::Withdraw { account: account("a"), amount: amount(n) };
        let event = decide(withdraw(7), &[balance(7)]).unwrap();
        assert_eq!(event.legs().map(|leg| leg.after).collect::<Vec<_>>(), [Balance::ZERO]);
        assert_eq!(event.world_delta(), 7);
        let refused = decide(withdraw(8), &[balance(7)]).unwrap_err();
        assert_eq!(refused.rejection, Rejection::InsufficientFunds { balance: balance(7) });
    }

    #[test]
    fn opening_balances_are_set_and_not_added() {
        let openings = Openings::new(vec![(account("a"), balance(7)), (account("b"), balance(0))]);
        let event = decide(Command::Init(openings.unwrap()), &[balance(100), balance(3)]).unwrap();
        let after: Vec<i64> = event.legs().map(|leg| leg.after.get()).collect();
        assert_eq!(after, [7, 0]);
        assert_eq!(event.world_delta(), 96);
    }
}
