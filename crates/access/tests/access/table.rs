//! `may` is the table, whoever asks for whatever.

use access::{Act, Grant, Principal, Role, Rule, rule};
use proptest::prelude::*;

use crate::common::{Place, customer};

fn principal(role: Role, accounts: &[String]) -> Principal {
    let place = Place::new();
    let own: Vec<&str> = accounts.iter().map(String::as_str).collect();
    let grant = if role == Role::Customer { customer(&own) } else { Grant::of(role) };
    let issued = place.token(&grant);
    place.open().token(issued.secret.reveal()).unwrap()
}

#[test]
fn an_open_principal_may_do_everything_and_leaves_no_name() {
    let open = Principal::open();
    assert!(Act::ALL.into_iter().all(|act| open.may(act, ["alice"]).is_ok()));
    assert_eq!((open.by(), open.role(), open.is_open()), (None, None, true));
    assert!(open.sees_all() && !open.owns("alice") && open.accounts().is_empty());
}

#[test]
fn every_cell_holds_for_own_other_and_missing_accounts() {
    for role in Role::ALL {
        let asks = principal(role, &["alice".to_owned(), "savings".to_owned()]);
        for act in Act::ALL {
            let own = asks.may(act, ["alice", "savings"]).is_ok();
            let mixed = asks.may(act, ["alice", "bob"]).is_ok();
            let other = asks.may(act, ["bob"]).is_ok();
            let none = asks.may(act, []).is_ok();
            let expected = match rule(role, act) {
                Rule::Yes => [true; 4],
                Rule::No => [false; 4],
                Rule::Own => [true, false, false, true],
            };
            assert_eq!([own, mixed, other, none], expected, "{role} × {act}");
        }
        assert_eq!(asks.sees_all(), role != Role::Customer);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn may_is_the_table(
        role in prop::sample::select(&Role::ALL),
        own in prop::collection::vec("[a-d]", 1..4),
        asked in prop::collection::vec("[a-f]", 0..4),
    ) {
        let asks = principal(role, &own);
        for act in Act::ALL {
            let allowed = match rule(role, act) {
                Rule::Yes => true,
                Rule::No => false,
                Rule::Own => asked.iter().all(|name| own.contains(name)),
            };
            let answer = asks.may(act, asked.iter().map(String::as_str));
            prop_assert_eq!(answer.is_ok(), allowed, "{} × {} of {:?}", role, act, asked);
        }
    }
}
