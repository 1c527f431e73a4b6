//! The tests of the rules are not deaf: where a rule is not kept, the test of that rule fails.

use std::future::Future;

use postgres::{Planted, Plants};

use crate::cluster::Cluster;
use crate::rules_commit::{end_the_wait_of_a_commit, lose_a_commit, write_over_a_stale_version};
use crate::rules_replication::ask_while_a_commit_waits;
use crate::rules_retry::open_an_account_while_another_waits;

async fn is_caught(test: impl Future<Output = ()> + Send + 'static) {
    let ended = tokio::spawn(test).await;
    assert!(ended.is_err_and(|error| error.is_panic()), "it went unnoticed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_that_nobody_looks_at_is_caught() {
    let cluster = Cluster::replicated();
    let plants = Plants::with(Planted::NoticeIgnored);
    is_caught(async move { end_the_wait_of_a_commit(&cluster, "pg_cancel_backend", plants).await })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_a_commit_behind_what_it_shows_is_caught() {
    is_caught(ask_while_a_commit_waits(Plants::with(Planted::NoBarrier))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_counts_by_its_commit_alone_is_caught() {
    is_caught(write_over_a_stale_version(Plants::with(Planted::OnlyCommitCounts))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_commit_that_is_told_as_not_done_is_caught() {
    is_caught(lose_a_commit(Plants::with(Planted::LostIsNotDone))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absence_that_nobody_proved_is_caught() {
    is_caught(open_an_account_while_another_waits(Plants::with(Planted::AbsenceUnproved))).await;
}
