//! The file on the disk: modes, what is in it, two writers, bad states.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use access::{Access, AccessError, ChangeError, Grant, Kind, Limits, Refusal, Role, Standing};

use crate::common::{ACTOR, Place, customer, teller};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn refused(place: &Place, text: &str) -> AccessError {
    fs::write(&place.path, text).unwrap();
    Access::open(&place.path).map(|_| ()).unwrap_err()
}

#[test]
fn every_file_is_for_its_owner_alone() {
    let place = Place::new();
    place.token(&teller());
    let mut names = Vec::new();
    for entry in fs::read_dir(place.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["access.json", "access.json.lock", "audit.log"]);
}

#[test]
fn a_file_that_others_can_read_is_refused_and_so_is_a_change_of_it() {
    let place = Place::new();
    place.token(&teller());
    for open in [0o640, 0o604, 0o620, 0o601, 0o666] {
        fs::set_permissions(&place.path, Permissions::from_mode(open)).unwrap();
        let error = Access::open(&place.path).map(|_| ()).unwrap_err();
        assert!(matches!(error, AccessError::TooOpen { mode, .. } if mode == open), "{error}");
        assert!(place.store.new_token(&teller(), &ACTOR).is_err());
    }
    fs::set_permissions(&place.path, Permissions::from_mode(0o400)).unwrap();
    assert!(Access::open(&place.path).is_ok());
}

#[test]
fn no_file_shows_a_secret() {
    let place = Place::new();
    let issued = place.token(&teller());
    place.store.add_user("ana", "correct horse battery", &Grant::of(Role::Admin), &ACTOR).unwrap();
    let secret = issued.secret.reveal();
    let hidden = secret.rsplit('_').next().unwrap();
    let access = place.open();
    let principal = access.token(secret).unwrap();
    let log = fs::read_to_string(place.folder.path().join("audit.log")).unwrap();
    let listed = format!("{:?}", place.store.list().unwrap());
    for text in [place.text(), log, listed, format!("{access:?} {principal:?} {issued:?}")] {
        assert!(!text.contains(hidden) && !text.contains("horse"), "{text}");
    }
    for line in place.text().lines().filter(|line| line.contains("argon2id")) {
        let printed = format!("{access:?} {:?}", place.store.list());
        assert!(!printed.contains(line.trim()), "hashes are not printed either");
    }
}

#[test]
fn what_was_written_is_what_is_read() {
    let place = Place::new();
    let limits = Limits { transaction: Some(1), day: Some(9_007_199_254_740_991) };
    let grant = Grant {
        limits,
        expires_us: Some(4_102_444_800_000_000),
        note: "till \"3\"".to_owned(),
        ..customer(&["alice", "josé da silva"])
    };
    let token = place.token(&grant);
    place.store.bind_certificate("shop.example", &teller(), &ACTOR).unwrap();
    place.store.revoke(&token.id, &ACTOR).unwrap();
    let [first, second] = &place.store.list().unwrap()[..] else { panic!("two") };
    assert_eq!((&first.grant, first.kind, first.standing), (&grant, Kind::Token, Standing::Ended));
    assert_eq!((first.by.as_str(), first.ended_us.is_some()), (token.by.as_str(), true));
    assert_eq!(second.certificate.as_deref(), Some("shop.example"));
    assert_eq!(second.standing, Standing::Active);
}

#[test]
fn a_grant_that_makes_no_sense_is_refused_and_changes_nothing() {
    let place = Place::new();
    place.token(&teller());
    let before = place.text();
    let limited =
        |role, transaction| Grant { limits: Limits { transaction, day: None }, ..Grant::of(role) };
    let grants = [
        (Grant::of(Role::Customer), Refusal::NoAccounts),
        (
            Grant { accounts: vec!["alice".into()], ..teller() },
            Refusal::AccountsOf { role: Role::Teller },
        ),
        (limited(Role::Auditor, Some(5)), Refusal::LimitsOf { role: Role::Auditor }),
        (limited(Role::Teller, Some(0)), Refusal::Limits),
        (limited(Role::Teller, Some(9_007_199_254_740_992)), Refusal::Limits),
        (Grant { note: "a\nb".into(), ..teller() }, Refusal::Note { max: 256 }),
        (Grant { note: "a".repeat(257), ..teller() }, Refusal::Note { max: 256 }),
        (customer(&vec!["a"; 257]), Refusal::TooManyAccounts { max: 256 }),
    ];
    for (grant, expected) in grants {
        match place.store.new_token(&grant, &ACTOR) {
            Err(ChangeError::Refused(refusal)) => assert_eq!(refusal, expected),
            other => panic!("{other:?}"),
        }
    }
    let names = place.store.new_token(&customer(&["@world"]), &ACTOR);
    assert!(matches!(names, Err(ChangeError::Refused(Refusal::Account { .. }))));
    assert_eq!(place.text(), before);
}

#[test]
fn two_writers_lose_nothing_of_each_other() {
    let place = Place::new();
    let tokens: Vec<String> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..25).map(|_| place.token(&teller()).id).collect::<Vec<_>>()))
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let mut listed: Vec<String> =
        place.store.list().unwrap().into_iter().map(|found| found.id).collect();
    let mut made = tokens;
    made.sort();
    listed.sort();
    assert_eq!(made, listed);
    let log = place.folder.path().join("audit.log");
    assert_eq!(access::audit::prove(&log).unwrap().lines, 100);
}

#[test]
fn a_bad_state_of_the_file_is_told_once_and_what_was_valid_stays() {
    let place = Place::new();
    let issued = place.token(&teller());
    let access = place.open();
    let principal = access.token(issued.secret.reveal()).unwrap();
    let good = place.text();
    fs::write(&place.path, &good[..good.len() / 2]).unwrap();
    assert!(matches!(access.refresh(), Err(AccessError::Malformed { .. })));
    assert!(!access.refresh().unwrap(), "told already");
    assert!(access.is_current(&principal));
    fs::remove_file(&place.path).unwrap();
    assert!(matches!(access.refresh(), Err(AccessError::Io { .. })));
    assert!(!access.refresh().unwrap(), "told already");
    assert!(access.is_current(&principal) && access.token(issued.secret.reveal()).is_ok());
    place.token(&teller());
    assert!(access.refresh().unwrap());
    assert!(!access.is_current(&principal), "the file that is there does not have it");
}

#[test]
fn a_file_that_says_anything_else_is_refused() {
    let place = Place::new();
    place.token(&customer(&["alice"]));
    place.store.add_user("ana", "correct horse battery", &Grant::of(Role::Admin), &ACTOR).unwrap();
    let good = place.text();
    assert!(fs::write(&place.path, &good).is_ok() && Access::open(&place.path).is_ok());
    let later = good.replace("saldo.access/1", "saldo.access/2");
    assert!(matches!(refused(&place, &later), AccessError::Format { .. }));
    for (from, to) in [
        ("\"role\": \"admin\"", "\"role\": \"king\""),
        ("\"role\": \"admin\"", "\"role\": \"admin\", \"more\": 1"),
        ("\"id\": \"ana\"", "\"id\": \"ana\", \"id\": \"eve\""),
        ("\"principals\"", "\"more\": 1, \"principals\""),
        ("\"created_us\"", "\"created\""),
        ("{\n", "[\n"),
    ] {
        assert!(good.contains(from), "{from}");
        let error = refused(&place, &good.replacen(from, to, 1));
        assert!(matches!(error, AccessError::Malformed { .. }), "{to}: {error}");
    }
    for (from, to) in [
        ("\"id\": \"ana\"", "\"id\": \"Ana\""),
        ("m=19456", "m=1024"),
        ("\"role\": \"admin\"", "\"role\": \"customer\""),
        ("\"alice\"", "\"@world\""),
        ("\"token\": \"", "\"token\": \"00"),
    ] {
        assert!(good.contains(from), "{from}");
        let error = refused(&place, &good.replacen(from, to, 1));
        assert!(matches!(error, AccessError::Invalid { .. }), "{to}: {error}");
    }
    let twice = good.replacen("\"principals\": [", "\"principals\": [RECORD,", 1);
    let start = good.find("[\n").unwrap() + 1;
    let end = good.find("},\n    {").unwrap() + 1;
    let error = refused(&place, &twice.replace("RECORD", &good[start..end]));
    assert!(matches!(error, AccessError::Invalid { source: Refusal::Taken { .. }, .. }), "{error}");
}

#[test]
fn a_message_about_a_bad_file_shows_nothing_of_it() {
    let place = Place::new();
    place.store.add_user("ana", "correct horse battery", &Grant::of(Role::Admin), &ACTOR).unwrap();
    let good = place.text();
    let hash = good.split('"').find(|part| part.starts_with("$argon2id")).unwrap().to_owned();
    let error =
        refused(&place, &good.replacen("\"role\": \"admin\"", &format!("\"role\": {hash:?}"), 1));
    assert!(!format!("{error} {error:?}").contains(&hash[20..]), "{error:?}");
}

#[test]
fn what_a_writer_that_died_left_beside_the_file_is_in_nobodys_way() {
    let place = Place::new();
    fs::write(place.folder.path().join("access.json.new"), "half").unwrap();
    place.token(&teller());
    assert_eq!(place.store.list().unwrap().len(), 1);
    assert!(!place.folder.path().join("access.json.new").exists());
}

#[test]
fn a_writer_that_holds_the_lock_is_waited_for_and_not_for_ever() {
    let place = Place::new();
    place.token(&teller());
    let lock = fs::File::open(place.folder.path().join("access.json.lock")).unwrap();
    lock.lock().unwrap();
    let busy = place.store.new_token(&teller(), &ACTOR).unwrap_err();
    assert!(matches!(busy, ChangeError::Access(AccessError::Busy { .. })), "{busy}");
    drop(lock);
    place.token(&teller());
}
