//! The network between server and primary is cut at each byte of a commit: of what asks for it, and of
//! what answers it. `SALDO_PG_FAULTS` takes every byte; otherwise every `STEP`-th is taken.

use std::env;

use engine::{Outcome, Request};

use crate::bank::{deposit, must_be_done, one, open, transfer};
use crate::checks::Ledger;
use crate::cluster::{Cluster, LIMIT};
use crate::proxy::{Fault, Proxy};

const STEP: usize = 7;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_cut_at_any_byte_is_done_once_and_told_once() {
    let step = if env::var_os("SALDO_PG_FAULTS").is_some() { 1 } else { STEP };
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let proxy = Proxy::before(bank.port()).await;
    let engine = open(bank.at(&[proxy.port]), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 1_000_000, "open-1")).await);
    must_be_done(&one(&engine, deposit("bob", 1_000_000, "open-2")).await);
    let request = |name: &str| transfer("alice", "bob", 1, &format!("{name:>10}"));
    must_be_done(&one(&engine, request("whole")).await);
    let (asked, answered) = proxy.exchange();
    assert!(asked > 400 && answered > 60, "{asked} bytes asked, {answered} answered");
    let asking = (0..=asked).step_by(step).map(Fault::CutAsking);
    let answering = (0..=answered).step_by(step).map(Fault::CutAnswer);
    let (mut done, mut requests): (u64, Vec<Request<'static>>) = (3, Vec::new());
    for fault in asking.chain(answering) {
        let faults_done = proxy.faults_done();
        proxy.do_to_the_next_commit(fault);
        let cut = request(&format!("{done}"));
        done += 1;
        let outcome = one(&engine, cut.clone()).await;
        assert_eq!(must_be_done(&outcome), done, "{fault:?}: {outcome:?}");
        assert_eq!(proxy.faults_done(), faults_done + 1, "{fault:?} was not done");
        requests.push(cut);
    }
    println!("{} cuts of {asked} bytes asked and {answered} answered", requests.len());
    for (seq, outcome) in (4..).zip(engine.run(requests).await) {
        let is_known =
            matches!(&outcome, Outcome::Done { seq: of, duplicate: true, .. } if of.get() == seq);
        assert!(is_known, "{outcome:?}");
    }
    let ledger = Ledger::read(&bank.superuser().await).await;
    assert_eq!(ledger.transactions.len() as u64, done);
    assert_eq!(proxy.cancel_requests(), 0);
}
