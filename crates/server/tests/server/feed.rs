//! What followers are given: every transaction, once, in order.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine as _, Request, Unavailable};
use ledger::{AccountId, Amount, Command, Seq, TxId};
use server::CancellationToken;
use server::feed::{Feed, FeedEnd, Follower, LAG_MAX};
use tokio::time::timeout;

use crate::bank::Bank;

async fn deposit(bank: &Bank, count: usize) {
    let batch = (0..count).map(|_| Request::Write {
        command: Command::Deposit {
            account: AccountId::new("alice").unwrap(),
            amount: Amount::new(1).unwrap(),
        },
        tx_id: TxId::new(uuid::Uuid::now_v7().to_string()).unwrap(),
        tx_id_given: true,
        not_after_us: None,
        by: None,
    });
    let answered = bank.execute(batch.collect()).await;
    assert_eq!(answered.outcomes.len(), count);
}

fn feed(bank: &Arc<Bank>) -> (Feed, CancellationToken) {
    let stop = CancellationToken::new();
    (Feed::new(bank.clone(), 100, stop.clone()), stop)
}

/// The seqs that a follower is given until it has that of `last`.
async fn seqs(follower: &mut Follower, last: u64) -> Vec<u64> {
    let mut seqs = Vec::new();
    while seqs.last() != Some(&last) {
        let page = timeout(Duration::from_secs(20), follower.next()).await.expect("a page");
        seqs.extend(page.unwrap().iter().map(|transaction| transaction.seq.get()));
    }
    seqs
}

#[tokio::test]
async fn a_follower_gets_what_was_and_what_comes_once_and_in_order() {
    let bank = Arc::new(Bank::new());
    let (feed, _stop) = feed(&bank);
    deposit(&bank, 2_500).await;
    let mut follower = feed.follow(Some(Seq::new(7))).unwrap();
    assert_eq!(seqs(&mut follower, 2_500).await, (7..=2_500).collect::<Vec<_>>());
    for last in [2_501, 2_502, 4_000] {
        let next = follower.position().get();
        let count = usize::try_from(last - next + 1).unwrap();
        let (given, ()) = tokio::join!(seqs(&mut follower, last), deposit(&bank, count));
        assert_eq!(given, (next..=last).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn who_names_no_seq_gets_what_happens_from_there_on() {
    let bank = Arc::new(Bank::new());
    let (feed, _stop) = feed(&bank);
    deposit(&bank, 10).await;
    let mut follower = feed.follow(None).unwrap();
    deposit(&bank, 1).await;
    assert_eq!(seqs(&mut follower, 11).await, [11]);
}

#[tokio::test]
async fn followers_that_leave_and_come_again_miss_nothing() {
    let bank = Arc::new(Bank::new());
    let (feed, _stop) = feed(&bank);
    let mut tasks = Vec::new();
    for step in 1..=20_u64 {
        let feed = feed.clone();
        tasks.push(tokio::spawn(async move {
            let mut given = Vec::new();
            while given.len() < 3_000 {
                let next = Seq::new(u64::try_from(given.len()).unwrap() + 1);
                let mut follower = feed.follow(Some(next)).unwrap();
                for _ in 0..step {
                    if given.len() < 3_000 {
                        let page = follower.next().await.unwrap();
                        given.extend(page.iter().map(|transaction| transaction.seq.get()));
                    }
                }
            }
            given
        }));
    }
    for _ in 0..300 {
        deposit(&bank, 10).await;
        tokio::task::yield_now().await;
    }
    for task in tasks {
        let given = timeout(Duration::from_secs(60), task).await.expect("in time").unwrap();
        assert_eq!(given, (1..=3_000).collect::<Vec<_>>());
    }
    assert_eq!(feed.followers_count(), 0);
}

#[tokio::test]
async fn who_falls_too_far_behind_is_told_where_it_stopped() {
    let bank = Arc::new(Bank::new());
    let (feed, _stop) = feed(&bank);
    deposit(&bank, 1_500).await;
    // This one begins behind, which is no fault of its own.
    let mut slow = feed.follow(Some(Seq::new(1))).unwrap();
    assert_eq!(slow.next().await.unwrap().len(), 1_000);
    deposit(&bank, usize::try_from(LAG_MAX).unwrap() + 1_001).await;
    let last = Seq::new(LAG_MAX + 2_501);
    timeout(Duration::from_secs(60), async {
        while slow.durable() < last {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .expect("all of it is told");
    // At its best it was 1,500 behind.
    let end = slow.next().await.err();
    assert_eq!(end, Some(FeedEnd::Behind { next: Seq::new(1_001), lag: LAG_MAX + 1_501 }));
}

#[tokio::test]
async fn no_more_than_so_many_follow_and_one_that_leaves_makes_room() {
    let bank = Arc::new(Bank::new());
    let (feed, _stop) = feed(&bank);
    let mut followers: Vec<_> = (0..100).map(|_| feed.follow(None).unwrap()).collect();
    assert_eq!(feed.follow(None).err().map(|full| full.followers_max), Some(100));
    followers.pop();
    assert!(feed.follow(None).is_ok());
}

#[tokio::test]
async fn a_server_that_stops_ends_its_followers() {
    let bank = Arc::new(Bank::new());
    let (feed, stop) = feed(&bank);
    let mut follower = feed.follow(None).unwrap();
    stop.cancel();
    let end = timeout(Duration::from_secs(20), follower.next()).await.expect("an end");
    assert_eq!(end.err(), Some(FeedEnd::Unavailable(Unavailable::ShuttingDown)));
    drop(follower);
    feed.close().await;
    drop(feed);
    assert_eq!(Arc::strong_count(&bank), 1, "nothing holds the bank any more");
}
