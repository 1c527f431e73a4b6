//! Tokens and certificates: who is let in, and until when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use access::{Access, ChangeError, Denied, Grant, LimitFault, Limits, Principal, Refusal, Role};

use crate::common::{ACTOR, Place, customer, teller};

fn now_us() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

fn denied(result: Result<Principal, Denied>) -> Denied {
    result.map(|principal| principal.by().map(str::to_owned)).unwrap_err()
}

#[test]
fn without_access_control_everybody_is_open() {
    let off = Access::off();
    assert!(!off.is_on() && off.store().is_none());
    for principal in
        [off.token("x"), off.certificate(&["x"]), off.password("x", "y")].map(Result::unwrap)
    {
        assert!(principal.is_open() && off.is_current(&principal));
    }
    assert!(!off.refresh().unwrap());
}

#[test]
fn a_token_lets_in_as_what_it_was_made_for() {
    let place = Place::new();
    let grant = customer(&["alice"]);
    let issued = place.token(&grant);
    let access = place.open();
    let principal = access.token(issued.secret.reveal()).unwrap();
    assert_eq!(principal.by(), Some(issued.by.as_str()));
    assert_eq!(principal.by(), Some(format!("token:{}", issued.id).as_str()));
    assert_eq!((principal.role(), principal.name()), (Some(Role::Customer), issued.id.as_str()));
    assert!(principal.owns("alice") && !principal.owns("bob") && !principal.sees_all());
    assert!(access.is_current(&principal));
}

#[test]
fn each_digit_of_a_token_counts() {
    let place = Place::new();
    let secret = place.token(&teller()).secret.reveal().to_owned();
    let access = place.open();
    for (at, byte) in secret.bytes().enumerate() {
        let other = if byte == b'a' { 'b' } else { 'a' };
        let mut wrong = secret.clone();
        wrong.replace_range(at..=at, &other.to_string());
        assert_eq!(denied(access.token(&wrong)), Denied::Unknown, "{at}");
    }
    assert_eq!(denied(access.token("")), Denied::Unknown);
}

#[test]
fn nobody_open_is_current_where_access_is_on() {
    let place = Place::new();
    place.token(&teller());
    assert!(!place.open().is_current(&Principal::open()));
}

#[test]
fn a_revoked_token_is_refused_after_the_next_look_at_the_file() {
    let place = Place::new();
    let (first, second) = (place.token(&teller()), place.token(&teller()));
    let access = place.open();
    let [one, two] = [&first, &second].map(|issued| access.token(issued.secret.reveal()).unwrap());
    place.store.revoke(&first.id, &ACTOR).unwrap();
    assert!(access.is_current(&one), "nobody has looked");
    assert!(access.refresh().unwrap());
    assert!(!access.is_current(&one));
    assert!(access.is_current(&two), "the other one is as it was");
    assert_eq!(denied(access.token(first.secret.reveal())), Denied::Ended);
    assert!(!access.refresh().unwrap(), "nothing changed since");
    let again = place.store.revoke(&first.id, &ACTOR).unwrap_err();
    assert!(matches!(again, ChangeError::Refused(Refusal::Ended { .. })), "{again}");
}

#[test]
fn a_principal_of_another_file_is_not_current() {
    let (place, other) = (Place::new(), Place::new());
    other.token(&teller());
    let issued = place.token(&teller());
    let principal = place.open().token(issued.secret.reveal()).unwrap();
    assert!(!other.open().is_current(&principal));
}

#[test]
fn a_token_ends_by_itself_without_a_look_at_the_file() {
    let place = Place::new();
    let ends = now_us() + 300_000;
    let issued = place.token(&Grant { expires_us: Some(ends), ..teller() });
    let access = place.open();
    let principal = access.token(issued.secret.reveal()).unwrap();
    let deadline = SystemTime::now() + Duration::from_secs(10);
    while access.is_current(&principal) {
        assert!(SystemTime::now() < deadline, "still current");
        std::thread::yield_now();
    }
    assert!(now_us() >= ends, "not before its time");
    assert_eq!(denied(access.token(issued.secret.reveal())), Denied::Expired);
    let late = place.store.new_token(&Grant { expires_us: Some(ends), ..teller() }, &ACTOR);
    assert!(matches!(late, Err(ChangeError::Refused(Refusal::Over))), "{late:?}");
}

#[test]
fn a_certificate_lets_in_whom_its_name_is_bound_to() {
    let place = Place::new();
    let bind = |name: &str| place.store.bind_certificate(name, &teller(), &ACTOR);
    let till = bind("spiffe://bank/Till").unwrap();
    let shop = bind("Shop.example").unwrap();
    let access = place.open();
    let by = |names: &[&str]| access.certificate(names).map(|found| found.by().unwrap().to_owned());
    assert_eq!(by(&["x", "spiffe://bank/Till"]), Ok(format!("certificate:{till}")));
    assert_eq!(by(&["shop.EXAMPLE"]), Ok(format!("certificate:{shop}")));
    assert_eq!(access.certificate(&["shop.example"]).unwrap().name(), "shop.example");
    for names in [&["spiffe://bank/till"][..], &["x"], &[], &["shop.example", "spiffe://bank/Till"]]
    {
        assert_eq!(by(names), Err(Denied::Unknown), "{names:?}");
    }
    assert!(matches!(bind("SHOP.example"), Err(ChangeError::Refused(Refusal::Taken { .. }))));
    place.store.revoke(&shop, &ACTOR).unwrap();
    access.refresh().unwrap();
    assert_eq!(by(&["shop.example"]), Err(Denied::Unknown));
    let renewed = bind("shop.example").unwrap();
    access.refresh().unwrap();
    assert_eq!(by(&["shop.example"]), Ok(format!("certificate:{renewed}")));
}

#[test]
fn limits_hold_over_changes_of_the_file_and_what_a_start_tells() {
    const NOON: u64 = 1_787_832_000_000_000;
    let place = Place::new();
    let limits = Limits { transaction: Some(60), day: Some(100) };
    let issued = place.token(&Grant { limits, ..teller() });
    let free = place.token(&teller());
    let access = place.open();
    let enter = || access.token(issued.secret.reveal()).unwrap();
    access.note_spent(&issued.by, access::day_of(NOON), 30);
    access.note_spent("token:nobody22", access::day_of(NOON), 30);
    let too_much = access.reserve(&enter(), 61, NOON).map(drop);
    assert_eq!(too_much, Err(LimitFault::Transaction { amount: 61, limit: 60 }));
    access.reserve(&enter(), 40, NOON).unwrap().keep();
    drop(access.reserve(&enter(), 30, NOON).unwrap());
    place.token(&teller());
    assert!(access.refresh().unwrap());
    let left = access.reserve(&enter(), 31, NOON).map(drop);
    assert_eq!(left, Err(LimitFault::Day { amount: 31, spent: 70, limit: 100 }));
    let free = access.token(free.secret.reveal()).unwrap();
    assert!(access.reserve(&free, u64::MAX, NOON).is_ok());
    assert!(access.reserve(&Principal::open(), u64::MAX, NOON).is_ok());
}
