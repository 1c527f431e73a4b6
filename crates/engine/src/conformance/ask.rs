//! Asking an engine, and what holds for every outcome: one per request and of its kind, under its
//! tx_id, about its accounts, and durable when it is told.

use ledger::model::Answer;
use ledger::{
    AccountId, Amount, Balance, By, Command, Event, Leg, Openings, Refused, Rejection, Seq,
    Transfer, TxId,
};

use crate::query::{Query, Reading};
use crate::seam::{Engine, Outcome, Request};

pub(super) fn account(name: &str) -> AccountId<'static> {
    AccountId::new(name.to_owned()).expect("the case names an account")
}

pub(super) fn amount(minor_units: i64) -> Amount {
    Amount::new(minor_units).expect("the case names an amount")
}

pub(super) fn deposit(to: &str, minor_units: i64) -> Command<'static> {
    Command::Deposit { account: account(to), amount: amount(minor_units) }
}

pub(super) fn withdraw(from: &str, minor_units: i64) -> Command<'static> {
    Command::Withdraw { account: account(from), amount: amount(minor_units) }
}

pub(super) fn transfer(from: &str, to: &str, minor_units: i64) -> Command<'static> {
    let transfer = Transfer::new(account(from), account(to), amount(minor_units));
    Command::Transfer(transfer.expect("the case names two accounts"))
}

pub(super) fn init(openings: &[(&str, i64)]) -> Command<'static> {
    let openings = openings.iter().map(|(name, held)| (account(name), balance_of(*held))).collect();
    Command::Init(Openings::new(openings).expect("the case names each account once"))
}

fn balance_of(minor_units: i64) -> Balance {
    Balance::new(minor_units).expect("the case names a balance")
}

/// A change under a tx_id that the client gave.
pub(super) fn given(command: Command<'static>, tx_id: &str) -> Request<'static> {
    write(command, tx_id, true)
}

/// A change under a tx_id that the server made.
pub(super) fn made(command: Command<'static>, tx_id: &str) -> Request<'static> {
    write(command, tx_id, false)
}

/// A change under a tx_id that the client gave, with a deadline.
pub(super) fn given_until(
    command: Command<'static>,
    tx_id: &str,
    not_after_us: u64,
) -> Request<'static> {
    with_deadline(given(command, tx_id), not_after_us)
}

/// The same request with a deadline.
pub(super) fn with_deadline(request: Request<'static>, deadline_us: u64) -> Request<'static> {
    let Request::Write { command, tx_id, tx_id_given, by, .. } = request else {
        panic!("only a change has a deadline: {request:?}")
    };
    Request::Write { command, tx_id, tx_id_given, not_after_us: Some(deadline_us), by }
}

/// The same request, made by somebody.
pub(super) fn by(request: Request<'static>, name: &str) -> Request<'static> {
    let name = By::new(name.to_owned()).expect("the case names a principal");
    signed(request, Some(name))
}

/// The same request, made by `who`.
pub(super) fn signed(mut request: Request<'static>, who: Option<By<'static>>) -> Request<'static> {
    match &mut request {
        Request::Write { by, .. } | Request::Resolve { by, .. } => *by = who,
        Request::Balance(_) | Request::Balances(_) => {}
    }
    request
}

pub(super) fn tx_id(text: &str) -> TxId<'static> {
    TxId::new(text.to_owned()).expect("the case names a tx_id")
}

fn write(command: Command<'static>, text: &str, tx_id_given: bool) -> Request<'static> {
    Request::Write { command, tx_id: tx_id(text), tx_id_given, not_after_us: None, by: None }
}

pub(super) fn resolve(text: &str) -> Request<'static> {
    Request::Resolve { tx_id: tx_id(text), by: None }
}

pub(super) fn balances(names: &[&str]) -> Request<'static> {
    Request::Balances(names.iter().map(|name| account(name)).collect())
}

/// Runs a batch and checks what holds for every outcome.
pub(super) async fn ask<'e>(
    engine: &'e dyn Engine,
    batch: Vec<Request<'static>>,
) -> Vec<Outcome<'e>> {
    let asked = batch.clone();
    let (mut outcomes, mut rest) = (Vec::with_capacity(batch.len()), batch);
    while !rest.is_empty() {
        let rest_count = rest.len();
        let answered = engine.execute(rest).await;
        assert!(answered.rest.len() < rest_count, "the first request is always run");
        outcomes.extend(answered.outcomes);
        rest = answered.rest;
    }
    let seq_durable = engine.seq_durable();
    assert_eq!(outcomes.len(), asked.len(), "one outcome per request");
    for (request, outcome) in asked.iter().zip(&outcomes) {
        assert!(outcome.rests_on() <= seq_durable, "told before it is durable: {outcome:?}");
        assert_fits(request, outcome);
    }
    outcomes
}

/// Runs one request.
pub(super) async fn ask_one<'e>(engine: &'e dyn Engine, request: Request<'static>) -> Outcome<'e> {
    let mut outcomes = ask(engine, vec![request]).await;
    outcomes.pop().expect("one outcome per request")
}

/// Asks about history; the position of the answer is durable.
pub(super) async fn read(engine: &dyn Engine, query: Query<'static>) -> Reading {
    let reading = engine.read(query.clone()).await;
    let reading = reading.unwrap_or_else(|why| panic!("{query:?} was not answered: {why}"));
    assert!(reading.as_of() <= engine.seq_durable(), "told before it is durable: {reading:?}");
    reading
}

/// Runs one change; what it answers, in the model's words.
pub(super) async fn answer(engine: &dyn Engine, request: Request<'static>) -> Answer {
    answer_of(&ask_one(engine, request).await)
}

/// What these accounts hold, in minor units, at one position; and that position.
pub(super) async fn held(engine: &dyn Engine, names: &[&str]) -> (Vec<Option<i64>>, Seq) {
    held_of(&ask_one(engine, balances(names)).await)
}

/// What a reading shows, in minor units, and its position.
pub(super) fn held_of(outcome: &Outcome<'_>) -> (Vec<Option<i64>>, Seq) {
    let (readings, as_of) = match outcome {
        Outcome::Balance { reading, as_of } => (std::slice::from_ref(reading), *as_of),
        Outcome::Balances { readings, as_of } => (readings.as_slice(), *as_of),
        Outcome::Done { .. }
        | Outcome::Resolved { .. }
        | Outcome::Refused { .. }
        | Outcome::Conflict { .. }
        | Outcome::Unavailable(_)
        | Outcome::Unknown { .. } => panic!("not a reading: {outcome:?}"),
    };
    (readings.iter().map(|reading| reading.balance.map(Balance::get)).collect(), as_of)
}

/// A change that happened for the first time: its seq, and account, before and after of each leg.
pub(super) fn done(seq: u64, legs: &[(&str, i128, i128)]) -> Answer {
    let legs = legs.iter().map(|(name, before, after)| ((*name).to_owned(), *before, *after));
    Answer::Done { seq, legs: legs.collect(), duplicate: false }
}

/// A refusal for the first time; `seq` when it was recorded.
pub(super) fn refused(code: &'static str, balance: i128, seq: Option<u64>) -> Answer {
    Answer::Refused { code, balance: Some(balance), seq, duplicate: false }
}

/// A refusal for a deadline that has passed; `seq` when it was recorded.
pub(super) fn late(seq: Option<u64>) -> Answer {
    Answer::Refused { code: "deadline_passed", balance: None, seq, duplicate: false }
}

/// The answer to every request under a tx_id that was voided at `seq`.
pub(super) fn voided(seq: u64) -> Answer {
    Answer::Refused { code: "voided", balance: None, seq: Some(seq), duplicate: true }
}

/// The same answer, given again.
pub(super) fn again(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    match &mut answer {
        Answer::Done { duplicate, .. } | Answer::Refused { duplicate, .. } => *duplicate = true,
        Answer::TxIdReused => {}
    }
    answer
}

/// The outcome of a change in the model's words.
pub(super) fn answer_of(outcome: &Outcome<'_>) -> Answer {
    match outcome {
        Outcome::Done { seq, event, duplicate, .. } => {
            let legs = event.legs().map(|Leg { account, before, after }| {
                (account.to_string(), i128::from(before.get()), i128::from(after.get()))
            });
            Answer::Done { seq: seq.get(), legs: legs.collect(), duplicate: *duplicate }
        }
        Outcome::Refused { rejection, seq, duplicate, .. } => Answer::Refused {
            code: rejection.code(),
            balance: rejection.balance().map(|balance| i128::from(balance.get())),
            seq: seq.map(Seq::get),
            duplicate: *duplicate,
        },
        Outcome::Conflict { .. } => Answer::TxIdReused,
        Outcome::Resolved { .. }
        | Outcome::Balance { .. }
        | Outcome::Balances { .. }
        | Outcome::Unavailable(_)
        | Outcome::Unknown { .. } => panic!("not the answer to a change: {outcome:?}"),
    }
}

fn assert_fits(request: &Request<'_>, outcome: &Outcome<'_>) {
    let fits = match (request, outcome) {
        (_, Outcome::Unavailable(_)) => true,
        (Request::Balance(account), Outcome::Balance { reading, .. }) => {
            reading.account == *account
        }
        (Request::Balances(accounts), Outcome::Balances { readings, .. }) => {
            readings.iter().map(|reading| &reading.account).eq(accounts)
        }
        (
            Request::Write { command, tx_id: asked, .. },
            Outcome::Done { seq, tx_id, event, duplicate: _ },
        ) => tx_id == asked && *seq > Seq::ZERO && answers(event, command),
        (
            Request::Write { tx_id: asked, tx_id_given, not_after_us, .. },
            Outcome::Refused { rejection, seq, tx_id, as_of, duplicate },
        ) => {
            let recorded_at_its_position = seq.is_none_or(|seq| seq == *as_of);
            let named = tx_id.as_ref().map_or(!tx_id_given, |tx_id| tx_id == asked);
            let repeats_a_record = !duplicate || seq.is_some();
            let has_cause = match rejection {
                Rejection::InsufficientFunds { .. } | Rejection::BalanceOutOfRange { .. } => true,
                Rejection::DeadlinePassed { not_after_us: told } => {
                    *duplicate || *not_after_us == Some(*told)
                }
                Rejection::Voided => *duplicate,
                Rejection::InvalidName(_)
                | Rejection::InvalidAmount(_)
                | Rejection::InvalidTxId(_)
                | Rejection::SameAccount
                | Rejection::TxIdReused => false,
            };
            has_cause && recorded_at_its_position && named && repeats_a_record
        }
        (Request::Write { tx_id: asked, .. }, Outcome::Conflict { tx_id, as_of }) => {
            tx_id == asked && *as_of > Seq::ZERO
        }
        (
            Request::Resolve { tx_id: asked, .. },
            Outcome::Resolved { transaction, duplicate: _ },
        ) => transaction.tx_id == *asked && transaction.seq > Seq::ZERO,
        (
            Request::Write { .. }
            | Request::Resolve { .. }
            | Request::Balance(_)
            | Request::Balances(_),
            _,
        ) => false,
    };
    assert!(fits, "{request:?} was answered with {outcome:?}");
}

/// Whether `event` is what `command` asks for: its kind, accounts, order and numbers.
fn answers(event: &Event<'_>, command: &Command<'_>) -> bool {
    let accounts_fit = event.legs().map(|leg| &leg.account).eq(command.accounts());
    let numbers_fit = match (command, event) {
        (Command::Init(openings), Event::Init { legs }) => {
            let set = openings.as_slice().iter().map(|(_, balance)| *balance);
            legs.iter().map(|leg| leg.after).eq(set)
        }
        (Command::Deposit { amount: asked, .. }, Event::Deposit { leg, amount }) => {
            amount == asked && leg.before.plus(*asked) == Some(leg.after)
        }
        (Command::Withdraw { amount: asked, .. }, Event::Withdraw { leg, amount }) => {
            amount == asked && leg.before.minus(*asked) == Some(leg.after)
        }
        (Command::Transfer(asked), Event::Transfer { from, to, amount }) => {
            *amount == asked.amount()
                && from.before.minus(*amount) == Some(from.after)
                && to.before.plus(*amount) == Some(to.after)
        }
        (_, Event::Refused(Refused { .. }) | Event::Void) => false,
        (
            Command::Init(_)
            | Command::Deposit { .. }
            | Command::Withdraw { .. }
            | Command::Transfer(_),
            _,
        ) => false,
    };
    accounts_fit && numbers_fit
}
