//! What must be true of a bank after any fault, of the tables alone and of what clients were told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use engine::{Outcome, Request};
use journal::decode_record;
use ledger::{Event, Transaction};
use postgres::PostgresEngine;
use tokio_postgres::Client;

use crate::load::Told;

/// Most requests that are asked again at once.
const BATCH: usize = 400;
/// So many changes that were told as done are asked again; refusals and unknown outcomes all are.
const DONE_AGAIN_MAX: usize = 400;

/// The bank as its records tell it.
#[derive(Default)]
pub struct Ledger {
    /// In the one order; the n-th has the seq n + 1.
    pub transactions: Vec<Transaction<'static>>,
    by_tx_id: HashMap<String, u64>,
    /// What each account held from a seq on.
    balances: BTreeMap<String, Vec<(u64, i64)>>,
}

/// Stops unless all that was told is true, and stays so. `client` is a superuser's, on the primary;
/// `engine` has the patience to see the end of the fault.
pub async fn check(client: &Client, engine: &PostgresEngine, told: &[Told]) {
    settle(engine, told).await;
    let ledger = Ledger::read(client).await;
    ledger.holds_what_was_told(told);
    in_real_time(told);
}

/// Asks again what may be asked again: twice, for an answer must stay what it is.
async fn settle(engine: &PostgresEngine, told: &[Told]) {
    let (mut done, mut again) = (0, Vec::new());
    for told in told {
        let is_asked = match &told.outcome {
            Outcome::Done { .. } => {
                done += 1;
                done <= DONE_AGAIN_MAX
            }
            Outcome::Refused { .. } => true,
            Outcome::Unknown { tx_id } => {
                assert!(tx_id.is_some() || !is_write(&told.request), "{told:?}: no tx_id");
                tx_id.is_some()
            }
            Outcome::Unavailable(_) | Outcome::Balance { .. } => false,
            Outcome::Resolved { .. } | Outcome::Balances { .. } | Outcome::Conflict { .. } => {
                panic!("{told:?}")
            }
        };
        if is_asked {
            again.push(told);
        }
    }
    for asked in again.chunks(BATCH) {
        let requests = || asked.iter().map(|told| told.request.clone()).collect();
        let (first, second) = (engine.run(requests()).await, engine.run(requests()).await);
        for ((told, first), second) in asked.iter().zip(first).zip(second) {
            let (one, other) = (answer(&first), answer(&second));
            assert!(one.is_some() && one == other, "{told:?}: {first:?}, then {second:?}");
            if !matches!(told.outcome, Outcome::Unknown { .. }) {
                assert_eq!(answer(&told.outcome), one, "{told:?}: it is told otherwise");
            }
        }
    }
}

/// The part of an answer that never changes: its seq, and the reason of a refusal.
fn answer(outcome: &Outcome<'static>) -> Option<(u64, String)> {
    match outcome {
        Outcome::Done { seq, event, .. } => Some((seq.get(), format!("{event:?}"))),
        Outcome::Refused { seq: Some(seq), rejection, .. } => {
            Some((seq.get(), format!("{rejection:?}")))
        }
        Outcome::Refused { seq: None, .. }
        | Outcome::Resolved { .. }
        | Outcome::Balance { .. }
        | Outcome::Balances { .. }
        | Outcome::Conflict { .. }
        | Outcome::Unavailable(_)
        | Outcome::Unknown { .. } => None,
    }
}

fn is_write(request: &Request<'static>) -> bool {
    matches!(request, Request::Write { .. })
}

/// No request has a place before one that had ended when it began, and no answer shows less than
/// one that had.
fn in_real_time(told: &[Told]) {
    let mut spans: Vec<(Instant, Instant, u64, bool)> = told
        .iter()
        .filter(|told| !told.is_repeated)
        .filter_map(|told| {
            let seq = if let Outcome::Balance { as_of, .. } = &told.outcome {
                as_of.get()
            } else {
                answer(&told.outcome)?.0
            };
            Some((told.began, told.ended, seq, is_write(&told.request)))
        })
        .collect();
    spans.sort_unstable_by_key(|(began, ..)| *began);
    let mut ends: Vec<(Instant, u64)> = spans.iter().map(|span| (span.1, span.2)).collect();
    ends.sort_unstable();
    let (mut ended, mut seq_before) = (ends.iter().peekable(), 0);
    for (began, _, seq, is_write) in spans {
        while let Some((_, earlier)) = ended.next_if(|(end, _)| *end < began) {
            seq_before = seq_before.max(*earlier);
        }
        assert!(seq >= seq_before + u64::from(is_write), "{seq} began when {seq_before} had ended");
    }
}

impl Ledger {
    /// Reads all records, and stops unless every table says the same as they do.
    pub async fn read(client: &Client) -> Self {
        // One snapshot.
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.unwrap();
        let mut ledger = Self::default();
        ledger.read_records(client).await;
        ledger.has_unbroken_batches(client).await;
        ledger.fits_the_tables(client).await;
        client.batch_execute("COMMIT").await.unwrap();
        ledger
    }

    async fn read_records(&mut self, client: &Client) {
        let all = "SELECT b.first + t.n, t.tx_id, t.record, b.at FROM saldo.batch b \
                   FULL JOIN saldo.tx t USING (batch) ORDER BY b.first, t.n";
        let mut time_before = 0;
        for (place, row) in (1_u64..).zip(client.query(all, &[]).await.unwrap()) {
            let seq: Option<i64> = row.get(0);
            assert_eq!(seq, i64::try_from(place).ok(), "the order has no gap");
            let (tx_id, at): (String, i64) = (row.get(1), row.get(3));
            assert!(at >= time_before, "time goes back at {place}");
            time_before = at;
            let record: &[u8] = row.get(2);
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            let transaction = decode_record(record).unwrap().into_owned();
            assert_eq!(transaction.tx_id.as_str(), tx_id);
            assert_eq!(self.by_tx_id.insert(tx_id, place), None, "a tx_id twice");
            self.transactions.push(transaction);
        }
    }

    /// Digests, the chain of hashes, and the head that ends it.
    async fn has_unbroken_batches(&self, client: &Client) {
        let unbroken = "WITH b AS (SELECT first, n, at, hash, digest, lag(hash) OVER (ORDER BY first) AS before, \
                 lag(first + n) OVER (ORDER BY first) AS due FROM saldo.batch), \
               genesis AS (SELECT sha256(convert_to(value, 'UTF8')) AS hash FROM saldo.meta WHERE key = 'ledger') \
            SELECT coalesce(bool_and(b.hash = sha256(coalesce(b.before, g.hash) || b.digest || int8send(b.at)) \
                     AND b.first = coalesce(b.due, 1)), true) \
                 AND (SELECT hash FROM saldo.head) = coalesce((SELECT hash FROM b ORDER BY first DESC LIMIT 1), \
                     (SELECT hash FROM genesis)) \
                 AND (SELECT seq FROM saldo.head) = coalesce((SELECT max(first + n - 1) FROM b), 0) \
              FROM b CROSS JOIN genesis g";
        let row = client.query_one(unbroken, &[]).await.unwrap();
        assert!(row.get::<_, bool>(0), "the chain of batches is broken");
        let records = "SELECT b.digest, array_agg(t.record ORDER BY t.n) \
                       FROM saldo.batch b JOIN saldo.tx t USING (batch) GROUP BY b.batch, b.digest";
        for row in client.query(records, &[]).await.unwrap() {
            let mut hasher = blake3::Hasher::new();
            for record in row.get::<_, Vec<&[u8]>>(1) {
                hasher.update(record);
            }
            assert_eq!(row.get::<_, &[u8]>(0), hasher.finalize().as_bytes(), "a batch's digest");
        }
    }

    /// Folds the records; accounts, statements and totals must be what comes out.
    async fn fits_the_tables(&mut self, client: &Client) {
        let mut entries = Vec::new();
        let (mut money_in, mut world) = (0, 0);
        for (seq, transaction) in (1_u64..).zip(&self.transactions) {
            money_in += transaction.event.money_in();
            world += transaction.event.world_delta();
            for leg in transaction.event.legs() {
                let held = self.balances.entry(leg.account.as_str().to_owned()).or_default();
                let before = held.last().map_or(0, |(_, units)| *units);
                assert_eq!(leg.before.get(), before, "{transaction:?} rests on something else");
                held.push((seq, leg.after.get()));
                let version = i64::try_from(held.len()).unwrap();
                let seq = i64::try_from(seq).unwrap();
                entries.push((leg.account.as_str().to_owned(), version, seq, leg.after.get()));
            }
        }
        entries.sort_unstable();
        let all = "SELECT account, version, b.first + e.n, balance \
                   FROM saldo.entry e LEFT JOIN saldo.batch b USING (batch) ORDER BY account, version";
        let found: Vec<(String, i64, i64, i64)> = client
            .query(all, &[])
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
            .collect();
        assert!(found == entries, "statements are not what the records tell");
        let all = "SELECT name, version, balance FROM saldo.account ORDER BY name";
        let rows = client.query(all, &[]).await.unwrap();
        let found: Vec<(String, i64, i64)> =
            rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
        let told: Vec<(String, i64, i64)> = self
            .balances
            .iter()
            .map(|(name, held)| {
                (name.clone(), i64::try_from(held.len()).unwrap(), held.last().unwrap().1)
            })
            .collect();
        assert_eq!(found, told, "accounts are not what the records tell");
        let sum: i128 = told.iter().map(|(.., units)| i128::from(*units)).sum();
        assert_eq!(sum + world, 0, "money was made or lost");
        let row = client
            .query_one("SELECT accounts, money_in::text, world::text FROM saldo.head", &[])
            .await
            .unwrap();
        assert_eq!(row.get::<_, i64>(0), i64::try_from(told.len()).unwrap());
        assert_eq!(row.get::<_, &str>(1), money_in.to_string());
        assert_eq!(row.get::<_, &str>(2), world.to_string());
    }

    /// What an account held at a seq.
    fn held(&self, name: &str, seq: u64) -> Option<i64> {
        let held = self.balances.get(name)?;
        let behind = held.partition_point(|(at, _)| *at <= seq);
        behind.checked_sub(1).map(|last| held[last].1)
    }

    fn holds_what_was_told(&self, told: &[Told]) {
        let mut unavailable = HashSet::new();
        let mut answered = HashSet::new();
        for told in told {
            let Request::Write { tx_id, .. } = &told.request else {
                self.shows_the_truth(told);
                continue;
            };
            match &told.outcome {
                Outcome::Done { seq, event, .. } => {
                    assert_eq!(self.by_tx_id.get(tx_id.as_str()), Some(&seq.get()), "{told:?}");
                    let place = usize::try_from(seq.get()).unwrap() - 1;
                    assert_eq!(self.transactions[place].event, *event, "{told:?}");
                    answered.insert(tx_id.as_str());
                }
                Outcome::Refused { seq: Some(seq), rejection, .. } => {
                    assert_eq!(self.by_tx_id.get(tx_id.as_str()), Some(&seq.get()), "{told:?}");
                    let place = usize::try_from(seq.get()).unwrap() - 1;
                    let Event::Refused(refused) = &self.transactions[place].event else {
                        panic!("{told:?}: no refusal is recorded")
                    };
                    assert_eq!(refused.rejection, *rejection, "{told:?}");
                    answered.insert(tx_id.as_str());
                }
                Outcome::Unavailable(_) => drop(unavailable.insert(tx_id.as_str())),
                // It was asked again.
                Outcome::Unknown { .. } => drop(answered.insert(tx_id.as_str())),
                Outcome::Refused { seq: None, .. }
                | Outcome::Resolved { .. }
                | Outcome::Balance { .. }
                | Outcome::Balances { .. }
                | Outcome::Conflict { .. } => panic!("{told:?}"),
            }
        }
        for tx_id in unavailable.difference(&answered) {
            assert!(!self.by_tx_id.contains_key(*tx_id), "{tx_id} was told as not done");
        }
    }

    fn shows_the_truth(&self, told: &Told) {
        let Outcome::Balance { reading, as_of } = &told.outcome else { return };
        let units = reading.balance.map(ledger::Balance::get);
        assert_eq!(units, self.held(reading.account.as_str(), as_of.get()), "{told:?}");
    }
}
