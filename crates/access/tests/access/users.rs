//! People and their passwords.

use access::{Access, ChangeError, Denied, Grant, LOGINS_AT_ONCE, Refusal, Role};

use crate::common::{ACTOR, Place};

const PASSWORD: &str = "correct horse battery";

fn with_ana() -> (Place, Access) {
    let place = Place::new();
    place.store.add_user("ana", PASSWORD, &Grant::of(Role::Admin), &ACTOR).unwrap();
    let access = place.open();
    (place, access)
}

fn denied(access: &Access, user: &str, password: &str) -> Denied {
    access.password(user, password).map(|found| found.by().map(str::to_owned)).unwrap_err()
}

#[test]
fn a_user_is_let_in_by_the_password_and_nothing_else() {
    let (_place, access) = with_ana();
    let ana = access.password("ana", PASSWORD).unwrap();
    assert_eq!((ana.by(), ana.name(), ana.role()), (Some("user:ana"), "ana", Some(Role::Admin)));
    for (user, password) in [("ana", "correct horse"), ("ana", ""), ("bob", PASSWORD), ("", "")] {
        assert_eq!(denied(&access, user, password), Denied::Unknown, "{user}");
    }
    assert!(access.is_current(&ana));
}

#[test]
fn ten_failures_lock_a_name_whether_anybody_has_it_or_not() {
    let (place, access) = with_ana();
    let ana = access.password("ana", PASSWORD).unwrap();
    for user in ["ana", "nobody"] {
        for _ in 0..10 {
            assert_eq!(denied(&access, user, "wrong"), Denied::Unknown);
        }
        assert!(matches!(denied(&access, user, PASSWORD), Denied::Locked { .. }), "{user}");
    }
    assert!(!access.is_current(&ana), "what is open in a locked name stops");
    place.store.set_password("ana", "another fine password", &ACTOR).unwrap();
    assert!(access.refresh().unwrap());
    assert!(access.password("ana", "another fine password").is_ok(), "a new password unlocks");
    assert_eq!(denied(&access, "ana", PASSWORD), Denied::Unknown);
    assert!(!access.is_current(&ana), "who came in by the old password is out");
}

#[test]
fn a_right_password_forgets_the_wrong_ones() {
    let (_place, access) = with_ana();
    for _ in 0..2 {
        for _ in 0..9 {
            assert_eq!(denied(&access, "ana", "wrong"), Denied::Unknown);
        }
        assert!(access.password("ana", PASSWORD).is_ok());
    }
}

#[test]
fn many_tries_at_once_are_no_more_than_ten() {
    let (_place, access) = with_ana();
    let looked_at = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..24)
            .map(|_| scope.spawn(|| denied(&access, "ana", "wrong") == Denied::Unknown))
            .collect();
        tries.into_iter().map(|tried| tried.join().unwrap()).filter(|seen| *seen).count()
    });
    assert_eq!(looked_at, 10);
}

#[test]
fn a_disabled_or_removed_user_is_out() {
    let (place, access) = with_ana();
    let ana = access.password("ana", PASSWORD).unwrap();
    place.store.disable_user("ana", &ACTOR).unwrap();
    access.refresh().unwrap();
    assert!(!access.is_current(&ana));
    assert_eq!(denied(&access, "ana", PASSWORD), Denied::Ended);
    assert_eq!(denied(&access, "ana", "wrong"), Denied::Unknown, "a guess learns nothing");
    place.store.remove_user("ana", &ACTOR).unwrap();
    place.store.add_user("ana", PASSWORD, &Grant::of(Role::Auditor), &ACTOR).unwrap();
    access.refresh().unwrap();
    assert!(!access.is_current(&ana), "another user of the same name");
    assert_eq!(access.password("ana", PASSWORD).unwrap().role(), Some(Role::Auditor));
}

#[test]
fn only_some_log_ins_are_looked_at_at_once() {
    let (_place, access) = with_ana();
    let permits: Vec<_> = (0..LOGINS_AT_ONCE).map(|_| access.logins().unwrap()).collect();
    assert!(access.logins().is_none());
    drop(permits);
    assert!(access.logins().is_some());
}

#[test]
fn a_user_has_a_plain_name_and_a_long_password() {
    let place = Place::new();
    let grant = Grant::of(Role::Teller);
    let long = "x".repeat(60);
    for name in ["", "Ana", "ana silva", "-ana", "аna", long.as_str()] {
        let refused = place.store.add_user(name, PASSWORD, &grant, &ACTOR).unwrap_err();
        assert!(matches!(refused, ChangeError::Refused(Refusal::UserName { .. })), "{name}");
    }
    let short = place.store.add_user("ana", "elevenbytes", &grant, &ACTOR).unwrap_err();
    assert!(matches!(short, ChangeError::Refused(Refusal::PasswordLength { bytes: 11 })));
    assert!(!place.path.exists(), "nothing was made");
    place.store.add_user(&long[..59], PASSWORD, &grant, &ACTOR).unwrap();
    let by = place.open().password(&long[..59], PASSWORD).unwrap().by().unwrap().to_owned();
    assert_eq!(by.len(), 64);
}
