//! The rights of the role that serves: all that an engine needs, and nothing with which history could
//! be changed. Every other test serves its bank as this role too.

use tokio_postgres::error::SqlState;

use crate::bank::{deposit, must_be_done, one, open_unchecked};
use crate::cluster::{Cluster, LIMIT, client};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_that_serves_can_change_and_delete_nothing_that_was_recorded() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    let serves = client(&bank.as_serving_role()).await;
    for statement in [
        "UPDATE saldo.tx SET record = record",
        "UPDATE saldo.entry SET balance = balance",
        "UPDATE saldo.batch SET n = n",
        "UPDATE saldo.meta SET value = value",
        "DELETE FROM saldo.tx",
        "DELETE FROM saldo.entry",
        "DELETE FROM saldo.batch",
        "DELETE FROM saldo.account",
        "DELETE FROM saldo.head",
        "DELETE FROM saldo.barrier",
        "DELETE FROM saldo.meta",
        "TRUNCATE saldo.tx",
        "INSERT INTO saldo.head SELECT 1, 0, 0, 0, 0, 0, ''",
        "DROP TABLE saldo.tx",
        "CREATE TABLE saldo.other (k int)",
    ] {
        let refused = serves.batch_execute(statement).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{statement}");
    }
}
