//! What a tx_id that is taken says to a request that comes under it. The same on every engine.

use std::collections::HashMap;

use crate::command::Command;
use crate::event::{Event, Leg, Refused};
use crate::rejection::Rejection;

/// What an event says to a request that comes under its tx_id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repeated<'a> {
    /// What the request asks for happened; its legs are in the order in which the request names
    /// the accounts.
    Done(Event<'a>),
    /// The tx_id was refused before, or given up, and that stays its answer.
    Refused(Rejection),
    /// The tx_id stands for other content.
    Conflict,
}

impl<'a> Event<'a> {
    /// What the event says to `command`, which comes under the same tx_id. A void comes first: it
    /// answers every command.
    pub fn repeated(&self, command: &Command<'_>) -> Repeated<'a> {
        if *self == Event::Void {
            return Repeated::Refused(Rejection::Voided);
        }
        if !self.answers(command) {
            return Repeated::Conflict;
        }
        if let Event::Refused(Refused { rejection, .. }) = self {
            return Repeated::Refused(rejection.clone());
        }
        Repeated::Done(self.in_order_of(command))
    }

    fn in_order_of(&self, command: &Command<'_>) -> Self {
        let Event::Init { legs } = self else { return self.clone() };
        let mut by_name: HashMap<&str, &Leg<'a>> =
            legs.iter().map(|leg| (leg.account.as_str(), leg)).collect();
        let ordered = command.accounts().filter_map(|account| by_name.remove(account.as_str()));
        Event::Init { legs: ordered.cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountId;
    use crate::command::{Openings, Transfer};
    use crate::decide::decide;
    use crate::money::{Amount, Balance};

    fn account(name: &str) -> AccountId<'_> {
        AccountId::new(name).unwrap()
    }

    fn balance(units: i64) -> Balance {
        Balance::new(units).unwrap()
    }

    fn init<'a>(openings: &[(&'a str, i64)]) -> Command<'a> {
        let openings =
            openings.iter().map(|(name, units)| (account(name), balance(*units))).collect();
        Command::Init(Openings::new(openings).unwrap())
    }

    fn transfer<'a>(from: &'a str, to: &'a str, units: i64) -> Command<'a> {
        let amount = Amount::new(units).unwrap();
        Command::Transfer(Transfer::new(account(from), account(to), amount).unwrap())
    }

    #[test]
    fn what_was_done_is_told_again() {
        let command = transfer("a", "b", 3);
        let done = decide(command.clone(), &[balance(5), balance(0)]).unwrap();
        assert_eq!(done.repeated(&command), Repeated::Done(done.clone()));
    }

    #[test]
    fn opening_balances_are_told_in_the_order_of_the_request_that_asks_again() {
        let done = decide(init(&[("a", 1), ("b", 2), ("c", 3)]), &[balance(0); 3]).unwrap();
        let again = init(&[("c", 3), ("a", 1), ("b", 2)]);
        let Repeated::Done(Event::Init { legs }) = done.repeated(&again) else {
            panic!("it is the same request")
        };
        let told: Vec<_> = legs.iter().map(|leg| (leg.account.as_str(), leg.after.get())).collect();
        assert_eq!(told, [("c", 3), ("a", 1), ("b", 2)]);
    }

    #[test]
    fn other_content_is_a_conflict_for_what_was_done_and_for_what_was_refused() {
        let done = decide(transfer("a", "b", 3), &[balance(5), balance(0)]).unwrap();
        let refused = decide(transfer("a", "b", 3), &[balance(0); 2]).unwrap_err();
        for event in [done, Event::Refused(refused)] {
            for other in [transfer("a", "b", 4), transfer("b", "a", 3), init(&[("a", 3)])] {
                assert_eq!(event.repeated(&other), Repeated::Conflict, "{event:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_refusal_stays_the_answer_to_its_request() {
        let command = transfer("a", "b", 3);
        let refused = decide(command.clone(), &[balance(1), balance(0)]).unwrap_err();
        let rejection = Rejection::InsufficientFunds { balance: balance(1) };
        assert_eq!(Event::Refused(refused).repeated(&command), Repeated::Refused(rejection));
    }

    #[test]
    fn a_void_refuses_whatever_comes() {
        for command in [transfer("a", "b", 3), init(&[])] {
            assert_eq!(Event::Void.repeated(&command), Repeated::Refused(Rejection::Voided));
        }
    }
}
