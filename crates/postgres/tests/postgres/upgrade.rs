//! A schema of the version before is brought to this one, and nothing in it changes.

use engine::Engine;
use engine::query::{Named, Query, Reading};
use journal::LedgerId;
use ledger::{By, Transaction, TxId};
use postgres::{Mode, Options, PostgresEngine, upgrade_schema};

use crate::bank::{deposit, must_be_done, one, open_unchecked};
use crate::cluster::{Cluster, LIMIT};

async fn found(engine: &dyn Engine, tx_id: &'static str) -> Transaction<'static> {
    let query = Query::Transaction(Named::TxId(TxId::new(tx_id).unwrap()));
    match engine.read(query).await {
        Ok(Reading::Transaction { transaction: Some(found), .. }) => found,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_of_the_version_before_is_refused_until_it_was_upgraded_and_keeps_its_bank() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    let before = found(&*engine, "t-1").await;
    drop(engine);
    bank.run("UPDATE saldo.meta SET value = '1' WHERE key = 'schema_version'").await;

    let options = Options { mode: Mode::Unchecked, ..Options::default() };
    let refused = PostgresEngine::open(bank.address(), options).await.err().unwrap();
    assert_eq!(refused.to_string(), "the schema has version 1, this program needs 2");
    let upgraded = upgrade_schema(&bank.owners_address()).await.unwrap().unwrap();
    assert!(upgraded.ledger != LedgerId(0));
    assert_eq!(upgrade_schema(&bank.owners_address()).await.unwrap(), None, "once is enough");

    let engine = open_unchecked(bank.address(), LIMIT).await;
    assert_eq!(found(&*engine, "t-1").await, before);
    let mut named = deposit("alice", 1, "t-2");
    let engine::Request::Write { by, .. } = &mut named else { panic!("{named:?}") };
    *by = By::new("user:ana").ok();
    must_be_done(&one(&engine, named).await);
    assert_eq!(found(&*engine, "t-2").await.by, By::new("user:ana").ok());
}

#[tokio::test]
async fn a_database_without_a_schema_has_nothing_to_upgrade() {
    let cluster = Cluster::any();
    let empty = postgres::Address::parse(&cluster.empty_database().await).unwrap();
    assert_eq!(upgrade_schema(&empty).await.unwrap(), None);
}
