//! The smallest engine there can be: the ledger's model behind a lock, and a gate that holds
//! outcomes back as a slow disk would.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use engine::vitals::DatabaseVitals;
use engine::{
    Answered, BalanceReading, BoxFuture, Engine, Outcome, Query, Reading, Request, Unavailable,
    Vitals,
};
use ledger::model::{Answer, Model};
use ledger::{AccountId, Balance, Command, Event, Leg, Openings, Refused, Rejection, Seq, TxId};
use tokio::sync::watch;

use crate::books::{AT_US, Books};

/// The model as an engine. Every outcome counts as durable at once, unless the gate is shut.
pub struct Bank {
    model: Mutex<Model>,
    books: Mutex<Books>,
    gate_is_open: watch::Sender<bool>,
    requests_count: watch::Sender<usize>,
    is_lost: AtomicBool,
    is_late: AtomicBool,
    unavailable: Mutex<Option<Unavailable>>,
    batch_max: AtomicUsize,
}

impl Bank {
    pub fn new() -> Self {
        Self {
            model: Mutex::default(),
            books: Mutex::default(),
            gate_is_open: watch::Sender::new(true),
            requests_count: watch::Sender::new(0),
            is_lost: AtomicBool::new(false),
            is_late: AtomicBool::new(false),
            unavailable: Mutex::new(None),
            batch_max: AtomicUsize::new(usize::MAX),
        }
    }

    /// Holds all outcomes back, or lets them go.
    pub fn open_gate(&self, is_open: bool) {
        self.gate_is_open.send_replace(is_open);
    }

    /// From now on the outcome of everything is lost.
    pub fn lose_outcomes(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
    }

    /// From now on the bank knows of nothing durable beyond what its outcomes say.
    pub fn hear_late(&self) {
        self.is_late.store(true, Ordering::Relaxed);
    }

    /// From now on nothing is done, for this reason.
    pub fn refuse_service(&self, why: Unavailable) {
        *self.unavailable.lock().unwrap() = Some(why);
    }

    /// From now on no more than so many requests of a batch are executed; the rest comes back.
    pub fn run_at_most(&self, batch_max: usize) {
        self.batch_max.store(batch_max, Ordering::Relaxed);
    }

    /// How many requests the bank has executed.
    pub fn requests_count(&self) -> usize {
        *self.requests_count.borrow()
    }

    /// Waits until the bank has executed this many requests.
    pub async fn executed(&self, count: usize) {
        self.requests_count.subscribe().wait_for(|done| *done >= count).await.unwrap();
    }

    /// Waits until the bank has nothing more to do though it did something: those who wait here
    /// and the server share one thread, so while this yields the server goes as far as it can.
    pub async fn stalls(&self) {
        let mut executed = 0;
        while executed == 0 || executed != self.requests_count() {
            executed = self.requests_count();
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn answer<'a>(&self, request: Request<'a>) -> Outcome<'a> {
        if let Some(why) = *self.unavailable.lock().unwrap() {
            return Outcome::Unavailable(why);
        }
        let is_lost = self.is_lost.load(Ordering::Relaxed);
        let mut model = self.model.lock().unwrap();
        match request {
            Request::Write { tx_id, .. } if is_lost => Outcome::Unknown { tx_id: Some(tx_id) },
            Request::Resolve { tx_id, .. } if is_lost => Outcome::Unknown { tx_id: Some(tx_id) },
            Request::Balance(_) | Request::Balances(_) if is_lost => {
                Outcome::Unknown { tx_id: None }
            }
            Request::Write { command, tx_id, tx_id_given, not_after_us, by: _ } => {
                let as_of = Seq::new(model.seq());
                let mut books = self.books.lock().unwrap();
                let given = tx_id_given.then(|| tx_id.clone());
                let refused = |rejection| Outcome::Refused {
                    rejection,
                    seq: None,
                    tx_id: given,
                    as_of,
                    duplicate: false,
                };
                match (books.under(tx_id.as_str()), not_after_us) {
                    (Some(known), _) if known.event == Event::Void => {
                        return refused(Rejection::Voided);
                    }
                    (None, Some(not_after_us)) if not_after_us < AT_US => {
                        return refused(Rejection::DeadlinePassed { not_after_us });
                    }
                    _ => {}
                }
                let answer = model.execute(&command, tx_id.as_str(), tx_id_given);
                let outcome = outcome(
                    command.clone(),
                    tx_id.clone(),
                    tx_id_given,
                    answer,
                    Seq::new(model.seq()),
                );
                if let Outcome::Done { seq, event, .. } = &outcome {
                    books.note(*seq, &tx_id, event);
                } else if let Outcome::Refused { rejection, seq: Some(seq), .. } = &outcome {
                    let rejection = rejection.clone();
                    books.note(*seq, &tx_id, &Event::Refused(Refused { command, rejection }));
                }
                outcome
            }
            Request::Resolve { tx_id, by: _ } => {
                let mut books = self.books.lock().unwrap();
                let duplicate = books.under(tx_id.as_str()).is_some();
                if !duplicate {
                    // The model knows no voids: a change of nothing takes the place of one.
                    let nothing = Command::Init(Openings::default());
                    model.execute(&nothing, tx_id.as_str(), true);
                    books.note(Seq::new(model.seq()), &tx_id, &Event::Void);
                }
                let transaction = books.under(tx_id.as_str()).unwrap().clone();
                Outcome::Resolved { transaction: Arc::new(transaction), duplicate }
            }
            Request::Balance(account) => {
                let as_of = Seq::new(model.seq());
                Outcome::Balance { reading: reading(&model, account), as_of }
            }
            Request::Balances(accounts) => {
                let as_of = Seq::new(model.seq());
                let readings = accounts.into_iter().map(|account| reading(&model, account));
                Outcome::Balances { readings: readings.collect(), as_of }
            }
        }
    }
}

impl Engine for Bank {
    fn execute<'a>(&'a self, mut batch: Vec<Request<'a>>) -> BoxFuture<'a, Answered<'a>> {
        Box::pin(async move {
            let batch_max = self.batch_max.load(Ordering::Relaxed);
            let rest = batch.split_off(batch_max.min(batch.len()));
            let outcomes: Vec<_> = batch.into_iter().map(|request| self.answer(request)).collect();
            self.requests_count.send_modify(|count| *count += outcomes.len());
            self.gate_is_open.subscribe().wait_for(|is_open| *is_open).await.unwrap();
            Answered { outcomes, rest }
        })
    }

    fn read<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Reading, Unavailable>> {
        Box::pin(async move {
            if let Some(why) = *self.unavailable.lock().unwrap() {
                return Err(why);
            }
            let reading = self.books.lock().unwrap().answer(&query);
            self.gate_is_open.subscribe().wait_for(|is_open| *is_open).await.unwrap();
            Ok(reading)
        })
    }

    fn seq_durable(&self) -> Seq {
        if self.is_late.load(Ordering::Relaxed) {
            return Seq::ZERO;
        }
        Seq::new(self.model.lock().unwrap().seq())
    }

    fn beyond(&self, seq: Seq) -> BoxFuture<'_, Result<Seq, Unavailable>> {
        Box::pin(async move {
            let mut counts = self.requests_count.subscribe();
            loop {
                counts.borrow_and_update();
                let durable = self.seq_durable();
                if durable > seq {
                    return Ok(durable);
                }
                counts.changed().await.unwrap();
            }
        })
    }

    fn vitals(&self) -> Vitals {
        let seq_durable = self.seq_durable();
        Vitals::Database(DatabaseVitals { seq_durable, ..DatabaseVitals::default() })
    }
}

fn reading<'a>(model: &Model, account: AccountId<'a>) -> BalanceReading<'a> {
    let balance = model.balance(account.as_str()).map(balance);
    BalanceReading { account, balance }
}

fn balance(minor_units: i128) -> Balance {
    Balance::new(i64::try_from(minor_units).unwrap()).unwrap()
}

fn outcome<'a>(
    command: Command<'a>,
    tx_id: TxId<'a>,
    tx_id_given: bool,
    answer: Answer,
    as_of: Seq,
) -> Outcome<'a> {
    match answer {
        Answer::Done { seq, legs, duplicate } => {
            Outcome::Done { seq: Seq::new(seq), tx_id, event: event(command, &legs), duplicate }
        }
        Answer::Refused { code, balance: held, seq, duplicate } => Outcome::Refused {
            rejection: Rejection::recorded(code, balance(held.unwrap())).unwrap(),
            seq: seq.map(Seq::new),
            tx_id: tx_id_given.then_some(tx_id),
            as_of: seq.map_or(as_of, Seq::new),
            duplicate,
        },
        Answer::TxIdReused => Outcome::Conflict { tx_id, as_of },
    }
}

fn event<'a>(command: Command<'a>, legs: &[(String, i128, i128)]) -> Event<'a> {
    let mut legs = legs.iter().map(|(_, before, after)| (balance(*before), balance(*after)));
    let mut leg = |account| {
        let (before, after) = legs.next().unwrap();
        Leg { account, before, after }
    };
    match command {
        Command::Deposit { account, amount } => Event::Deposit { leg: leg(account), amount },
        Command::Withdraw { account, amount } => Event::Withdraw { leg: leg(account), amount },
        Command::Transfer(transfer) => {
            let (from, to, amount) = transfer.into_parts();
            Event::Transfer { from: leg(from), to: leg(to), amount }
        }
        Command::Init(openings) => {
            let accounts = openings.into_inner().into_iter();
            Event::Init { legs: accounts.map(|(account, _)| leg(account)).collect() }
        }
    }
}
