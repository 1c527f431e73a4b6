//! No server answers from the beginning of a bank that is being copied into a database.

use std::time::Duration;

use engine::{Engine, Outcome};
use journal::{Currency, Genesis, LedgerId};
use ledger::Seq;
use postgres::{
    Address, CarryError, CheckFault, History, Intake, Mode, OpenError, Options, PostgresEngine,
};

use crate::bank::held;
use crate::cluster::Cluster;
use crate::verify::{bank, deposit, proof, write};

fn options() -> Options {
    let patience = Duration::from_secs(2);
    Options { mode: Mode::Unchecked, slots: 1, patience, ..Options::default() }
}

async fn intake(address: &Address, genesis: &Genesis) -> Result<Intake, CarryError> {
    Intake::open(address.clone(), Mode::Unchecked, genesis).await
}

#[tokio::test]
async fn a_schema_that_a_copy_makes_is_marked_from_its_first_moment() {
    let cluster = Cluster::any();
    let address = Address::parse(&cluster.empty_database().await).unwrap();
    let currency = Currency::new("EUR").unwrap();
    let genesis = Genesis { ledger: LedgerId(7), currency };
    drop(intake(&address, &genesis).await.unwrap());
    let opened = PostgresEngine::open(address.clone(), options()).await.err();
    assert!(matches!(opened, Some(OpenError::Check(CheckFault::Copying))), "{opened:?}");
    assert!(proof(&address).await.unwrap().is_copying);
    // Run again, it goes on.
    intake(&address, &genesis).await.unwrap().finish().await.unwrap();
    assert!(!proof(&address).await.unwrap().is_copying);
    PostgresEngine::open(address, options()).await.unwrap().close().await;
}

#[tokio::test]
async fn a_server_that_is_connected_already_does_nothing_in_a_bank_that_is_being_copied() {
    let cluster = Cluster::any();
    let mut source = History::open(bank(&cluster).await, Mode::Unchecked).await.unwrap();
    let target = cluster.bank().await.owners_address();
    let engine = PostgresEngine::open(target.clone(), options()).await.unwrap();
    // The one connection that writes is made.
    assert_eq!(held(&engine, "alice").await, None);
    let mut intake = intake(&target, source.genesis()).await.unwrap();
    let first = source.next().await.unwrap().unwrap();
    intake.write(&first).await.unwrap();
    let answered = engine.execute(vec![write(deposit("alice", 5), "meanwhile")]).await;
    assert!(matches!(answered.outcomes[..], [Outcome::Unavailable(_)]), "{:?}", answered.outcomes);
    engine.close().await;
    let half = proof(&target).await.unwrap();
    assert!(half.is_copying);
    assert_eq!(half.last, Seq::new(1));
    while let Some(events) = source.next().await.unwrap() {
        intake.write(&events).await.unwrap();
    }
    intake.finish().await.unwrap();
    let whole = proof(&target).await.unwrap();
    assert_eq!((whole.is_copying, whole.last), (false, Seq::new(9)));
    let engine = PostgresEngine::open(target.clone(), options()).await.unwrap();
    let answered = engine.execute(vec![write(deposit("alice", 5), "afterwards")]).await;
    assert!(matches!(answered.outcomes[..], [Outcome::Done { .. }]), "{:?}", answered.outcomes);
    engine.close().await;
}

#[tokio::test]
async fn a_mark_and_a_head_that_do_not_fit_are_damage() {
    let cluster = Cluster::any();
    let address = bank(&cluster).await;
    for (damage, expected) in [
        ("UPDATE saldo.head SET k = 1", "head: k is 1, the events give 0"),
        (
            "UPDATE saldo.head SET k = 0; INSERT INTO saldo.meta VALUES ('copying', 'unfinished')",
            "head: k is 0, the events give 1",
        ),
    ] {
        cluster.run_in(&address, damage).await;
        assert_eq!(proof(&address).await.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn a_source_with_another_history_at_the_same_seq_has_moved() {
    let cluster = Cluster::any();
    let address = bank(&cluster).await;
    for (change, is_moved) in [
        ("UPDATE saldo.head SET at = at + 1", false),
        ("UPDATE saldo.head SET hash = sha256('another')", true),
    ] {
        let source = History::open(address.clone(), Mode::Unchecked).await.unwrap();
        cluster.run_in(&address, change).await;
        let ended = source.end().await;
        assert_eq!(matches!(ended, Err(CarryError::Moved { .. })), is_moved, "{ended:?}");
        assert_eq!(ended.is_ok(), !is_moved);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_does_not_replicate_is_refused_before_anything_is_read() {
    let cluster = Cluster::single();
    let address = bank(&cluster).await;
    let opened = History::open(address.clone(), Mode::Replicated).await.map(|_| ());
    let told = opened.unwrap_err().to_string();
    assert!(told.contains("synchronous_standby_names"), "{told}");
    History::open(address, Mode::Unchecked).await.unwrap();
}

/// The kernel's table of connections says of each which timer runs, and how long it has left.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_asks_whether_its_host_is_still_there_within_seconds() {
    use std::time::Instant;

    const KEEPALIVE: &str = "02";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = Address::parse(&format!("postgres://saldo@127.0.0.1:{port}/bank")).unwrap();
    let (host, connected) = (format!("0100007F:{port:04X}"), "01");
    let deadline = Instant::now() + crate::cluster::LIMIT;
    loop {
        // Nobody greets it, so it is given up, and made again.
        let connecting = tokio::spawn(History::open(address.clone(), Mode::Unchecked));
        let mut left = None;
        while left.is_none() && !connecting.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
            left = table.lines().find_map(|line| {
                let columns: Vec<&str> = line.split_whitespace().collect();
                let (timer, left) = columns.get(5)?.split_once(':')?;
                let is_it = columns[2] == host && columns[3] == connected && timer == KEEPALIVE;
                is_it.then(|| u64::from_str_radix(left, 16).unwrap())
            });
        }
        connecting.abort();
        // In hundredths of a second; the system's own choice is two hours.
        if let Some(left) = left {
            assert!(left <= 1_100, "{left}");
            return;
        }
        assert!(Instant::now() < deadline, "no timer runs");
    }
}
