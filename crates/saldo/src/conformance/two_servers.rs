//! Two engines over one database, which move the same money in opposite directions at once.

use std::sync::Arc;

use engine::query::{Query, Reading, Span};
use engine::{Engine, Outcome, Request};
use ledger::{AccountId, Amount, Command, Openings, Seq, Transfer, TxId};
use postgres::{Address, PostgresEngine};

use super::case::{fresh, open, refused};
use crate::failure::Failure;

const NAMES: [&str; 2] = ["alice", "bob"];
const TRANSFERS: u64 = 200;
const HELD: i64 = 100_000;

/// Opens both, and panics where the promise is broken.
pub async fn run(place: &Address, is_unreplicated: bool) -> Result<(), Failure> {
    let first = fresh(place.clone(), is_unreplicated).await.map_err(|error| refused(&error))?;
    let second = open(place.clone(), is_unreplicated).await.map_err(|error| refused(&error))?;
    let (first, second) = (Arc::new(first), Arc::new(second));
    let openings = NAMES.map(|name| (account(name), held(HELD))).to_vec();
    let openings = Openings::new(openings).expect("two names");
    assert!(is_done(&first, write(Command::Init(openings), "open")).await, "no opening");
    let moved = [(Arc::clone(&first), NAMES), (Arc::clone(&second), [NAMES[1], NAMES[0]])];
    let mut moving = tokio::task::JoinSet::new();
    for (number, (engine, [from, to])) in moved.into_iter().enumerate() {
        moving.spawn(async move {
            for n in 0..TRANSFERS {
                let amount = Amount::new(i64::try_from(n).unwrap_or(0) + 1).expect("above zero");
                let transfer = Transfer::new(account(from), account(to), amount);
                let command = Command::Transfer(transfer.expect("two accounts"));
                let done = is_done(&engine, write(command, &format!("{number}-{n}"))).await;
                assert!(done, "a transfer was not done");
            }
        });
    }
    while let Some(ended) = moving.join_next().await {
        assert!(ended.is_ok(), "a server stopped");
    }
    // Both moved the same amounts, so both accounts hold what they held.
    let asked = Request::Balances(NAMES.map(account).to_vec());
    let told = second.execute(vec![asked]).await.outcomes;
    let Some(Outcome::Balances { readings, as_of }) = told.into_iter().next() else {
        panic!("no balances were told")
    };
    for reading in &readings {
        assert_eq!(reading.balance, Some(held(HELD)), "{}", reading.account);
    }
    let last = Seq::new(1 + 2 * TRANSFERS);
    assert_eq!(as_of, last, "every event has a seq of its own");
    let mut next = Seq::new(1);
    while next <= last {
        let span = Span { from: next, to: None, limit: 100 };
        let Ok(Reading::Transactions { transactions, .. }) =
            first.read(Query::Transactions(span)).await
        else {
            panic!("no transactions were told")
        };
        assert!(!transactions.is_empty(), "the order ends before seq {next}");
        for transaction in transactions {
            assert_eq!(transaction.seq, next, "a gap, or a seq given twice");
            next = next.next();
        }
    }
    Ok(())
}

async fn is_done(engine: &PostgresEngine, request: Request<'static>) -> bool {
    let outcomes = engine.execute(vec![request]).await.outcomes;
    matches!(outcomes.as_slice(), [Outcome::Done { duplicate: false, .. }])
}

fn write(command: Command<'static>, tx_id: &str) -> Request<'static> {
    let tx_id = TxId::new(tx_id.to_owned()).expect("a tx_id");
    Request::Write { command, tx_id, tx_id_given: true, not_after_us: None, by: None }
}

fn account(name: &'static str) -> AccountId<'static> {
    AccountId::new(name).expect("a name")
}

fn held(units: i64) -> ledger::Balance {
    ledger::Balance::new(units).expect("a balance")
}
