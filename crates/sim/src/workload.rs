//! What the clients ask: few hot accounts and some cold ones, every kind of request, and requests
//! asked again: those that were never answered first of all, as a client does after a crash, who
//! may also resolve them. Copies of old requests come late, with and without deadlines.

use engine::Request;
use ledger::limits::{AMOUNT_MAX, BALANCE_MAX};
use ledger::model::Model;
use ledger::{AccountId, Amount, Balance, By, Command, Openings, Transfer, TxId};

use crate::random::Random;

/// Every account that a run can open, the hot ones first.
pub(crate) const NAMES: [&str; 16] = [
    "alice",
    "bob",
    "carol",
    "dave",
    "josé",
    "a\"b\\c",
    "{\"seal\":{}}",
    "\\n",
    "erin",
    "frank",
    "grace",
    "heidi",
    "ivan",
    "judy",
    "a name of sixty-four bytes, which is as long as a name can be...",
    "z",
];
const HOT_COUNT: u64 = 4;

/// A change as it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) command: Command<'static>,
    pub(crate) tx_id: TxId<'static>,
    pub(crate) tx_id_given: bool,
}

/// The clients.
#[derive(Debug, Default)]
pub(crate) struct Workload {
    /// Every change ever asked for.
    asked: Vec<Asked>,
    /// Those whose answer was lost in a crash, resolves among them.
    unsettled: Vec<Request<'static>>,
    tx_id_next: u64,
}

impl Workload {
    /// The next request of some client. `bank` is what the bank holds, `now_us` what the server's
    /// clock says.
    pub(crate) fn next(
        &mut self,
        random: &mut Random,
        bank: &Model,
        now_us: u64,
    ) -> Request<'static> {
        match random.between(0, 99) {
            0..10 => Request::Balance(account(name(random))),
            10..14 => {
                let count = random.between(1, 5);
                Request::Balances((0..count).map(|_| account(name(random))).collect())
            }
            14..26 => match self.unsettled.pop() {
                Some(request) if random.happens(1, 4) => resolve(tx_id_of(request), random),
                Some(request) => request,
                None => self.new_change(random, bank, now_us),
            },
            26..36 => match random.pick(&self.asked).cloned() {
                Some(asked) => write(asked, random, now_us),
                None => self.new_change(random, bank, now_us),
            },
            36..40 => match random.pick(&self.asked).cloned() {
                Some(asked) => {
                    let command = new_command(random, bank);
                    let asked = Asked { command, tx_id_given: true, ..asked };
                    write(asked, random, now_us)
                }
                None => self.new_change(random, bank, now_us),
            },
            40..44 => match random.pick(&self.asked).cloned() {
                Some(asked) => resolve(asked.tx_id, random),
                None => self.new_change(random, bank, now_us),
            },
            // Who gives up before the request has left: it comes late, as one of the next changes.
            44..46 => resolve(tx_id(self.tx_id_next + random.between(1, 3), true), random),
            _ => self.new_change(random, bank, now_us),
        }
    }

    /// The answer to a request was lost: its client will ask again.
    pub(crate) fn unanswered(&mut self, request: Request<'static>) {
        match request {
            Request::Write { .. } | Request::Resolve { .. } => self.unsettled.push(request),
            Request::Balance(_) | Request::Balances(_) => {}
        }
    }

    /// A request whose answer was lost, if there is one left.
    pub(crate) fn settle_one(&mut self) -> Option<Request<'static>> {
        self.unsettled.pop()
    }

    /// Whether every client has its answer.
    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled.is_empty()
    }

    fn new_change(&mut self, random: &mut Random, bank: &Model, now_us: u64) -> Request<'static> {
        self.tx_id_next += 1;
        let tx_id_given = random.happens(4, 5);
        let tx_id = tx_id(self.tx_id_next, tx_id_given);
        let asked = Asked { command: new_command(random, bank), tx_id, tx_id_given };
        self.asked.push(asked.clone());
        write(asked, random, now_us)
    }
}

fn tx_id(number: u64, is_given: bool) -> TxId<'static> {
    let owner = if is_given { "client" } else { "server" };
    TxId::new(format!("{owner}-{number}")).unwrap_or_else(|_| unreachable!("short and printable"))
}

fn tx_id_of(request: Request<'static>) -> TxId<'static> {
    match request {
        Request::Write { tx_id, .. } | Request::Resolve { tx_id, .. } => tx_id,
        Request::Balance(_) | Request::Balances(_) => {
            unreachable!("nobody waits for a reading after a crash")
        }
    }
}

/// Mostly none; else one that has just passed, or is about to.
fn deadline(random: &mut Random, now_us: u64) -> Option<u64> {
    random.happens(1, 8).then(|| now_us - 200 + random.between(0, 400))
}

/// Mostly nobody is named.
fn by(random: &mut Random) -> Option<By<'static>> {
    let name = match random.between(0, 11) {
        0 => "user:ana",
        1 => "token:\"k7\\é",
        2 => "a name of sixty-four bytes, which is as long as a name can be...",
        _ => return None,
    };
    By::new(name).ok()
}

fn write(asked: Asked, random: &mut Random, now_us: u64) -> Request<'static> {
    let Asked { command, tx_id, tx_id_given } = asked;
    let (not_after_us, by) = (deadline(random, now_us), by(random));
    Request::Write { command, tx_id, tx_id_given, not_after_us, by }
}

fn resolve(tx_id: TxId<'static>, random: &mut Random) -> Request<'static> {
    Request::Resolve { tx_id, by: by(random) }
}

pub(crate) fn account(name: &'static str) -> AccountId<'static> {
    AccountId::new(name).unwrap_or_else(|_| unreachable!("every name above is one"))
}

fn name(random: &mut Random) -> &'static str {
    let hot = random.happens(3, 4);
    let most = if hot { HOT_COUNT } else { NAMES.len() as u64 } - 1;
    usize::try_from(random.between(0, most)).ok().and_then(|n| NAMES.get(n)).unwrap_or(&"alice")
}

fn new_command(random: &mut Random, bank: &Model) -> Command<'static> {
    match random.between(0, 99) {
        0..4 => {
            let count = usize::try_from(random.between(1, 4)).unwrap_or(1);
            let first = usize::try_from(random.between(0, NAMES.len() as u64 - 4)).unwrap_or(0);
            let openings = NAMES.iter().skip(first).take(count).map(|name| {
                let held = i64::try_from(random.between(0, 5_000)).unwrap_or(0);
                (account(name), Balance::new(held).unwrap_or(Balance::ZERO))
            });
            let openings = Openings::new(openings.collect());
            Command::Init(openings.unwrap_or_else(|| unreachable!("each name once, none below 0")))
        }
        4..24 => {
            let account = account(name(random));
            Command::Deposit { account, amount: incoming(random) }
        }
        24..44 => {
            let name = name(random);
            Command::Withdraw { account: account(name), amount: outgoing(random, bank, name) }
        }
        _ => {
            let from = name(random);
            let to = name(random);
            let amount = outgoing(random, bank, from);
            match Transfer::new(account(from), account(to), amount) {
                Ok(transfer) => Command::Transfer(transfer),
                // No transfer at all: the protocol refuses it before the engine sees it.
                Err(_) => Command::Deposit { account: account(to), amount },
            }
        }
    }
}

/// Mostly small; now and then so much that the receiver cannot hold it.
fn incoming(random: &mut Random) -> Amount {
    let amount = match random.between(0, 19) {
        0 => AMOUNT_MAX,
        1 => BALANCE_MAX / 2,
        _ => i64::try_from(random.between(1, 1_000)).unwrap_or(1),
    };
    to_amount(amount)
}

/// Mostly less than the account holds; now and then all of it, and one more than all.
fn outgoing(random: &mut Random, bank: &Model, name: &str) -> Amount {
    let held = bank.balance(name).and_then(|held| i64::try_from(held).ok()).unwrap_or(0);
    let amount = match random.between(0, 9) {
        0 => held,
        1 => held.saturating_add(1),
        2 => AMOUNT_MAX,
        _ => i64::try_from(random.between(1, 400)).unwrap_or(1),
    };
    to_amount(amount)
}

fn to_amount(minor_units: i64) -> Amount {
    let inside = minor_units.clamp(1, AMOUNT_MAX);
    Amount::new(inside).unwrap_or_else(|_| unreachable!("clamped to the range of an amount"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_request_is_asked() {
        let mut workload = Workload::default();
        let mut random = Random::new(1);
        let bank = Model::new();
        let mut kinds = [0_u32; 7];
        for _ in 0..2_000 {
            let kind = match workload.next(&mut random, &bank, 1_000) {
                Request::Balance(_) => 0,
                Request::Balances(_) => 1,
                Request::Write { command: Command::Init(_), .. } => 2,
                Request::Write { command: Command::Deposit { .. }, .. } => 3,
                Request::Write { command: Command::Withdraw { .. }, .. } => 4,
                Request::Write { command: Command::Transfer(_), .. } => 5,
                Request::Resolve { .. } => 6,
            };
            kinds[kind] += 1;
        }
        assert!(kinds.iter().all(|count| *count > 20), "{kinds:?}");
    }

    #[test]
    fn every_name_is_an_account() {
        for name in NAMES {
            assert_eq!(account(name).as_str(), name);
        }
    }
}
