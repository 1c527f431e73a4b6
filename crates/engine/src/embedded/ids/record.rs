//! A request and its answer in few bytes: kind, names, numbers of variable length. Memory only;
//! the journal is what remembers.

use std::collections::HashMap;

use ledger::{AccountId, Amount, Balance, Command, Event, Leg, Rejection, Seq, Transfer};

use super::Known;

const INIT: u8 = 1;
const DEPOSIT: u8 = 2;
const WITHDRAW: u8 = 3;
const TRANSFER: u8 = 4;
/// Set on the kind of a refused request.
const REFUSED: u8 = 0x80;

const INSUFFICIENT_FUNDS: u8 = 1;
const BALANCE_OUT_OF_RANGE: u8 = 2;

/// Appends the record of an event.
pub(super) fn write(bytes: &mut Vec<u8>, seq: Seq, event: &Event<'_>) {
    match event {
        Event::Init { legs } => {
            bytes.push(INIT);
            write_u64(bytes, seq.get());
            write_u64(bytes, legs.len() as u64);
            for leg in legs {
                write_name(bytes, &leg.account);
                write_balance(bytes, leg.before);
                write_balance(bytes, leg.after);
            }
        }
        Event::Deposit { leg, amount } => write_one(bytes, DEPOSIT, seq, leg, *amount),
        Event::Withdraw { leg, amount } => write_one(bytes, WITHDRAW, seq, leg, *amount),
        Event::Transfer { from, to, amount } => {
            bytes.push(TRANSFER);
            write_u64(bytes, seq.get());
            write_name(bytes, &from.account);
            write_name(bytes, &to.account);
            write_u64(bytes, amount.get().unsigned_abs());
            write_balance(bytes, from.after);
            write_balance(bytes, to.after);
        }
        Event::Refused(refused) => {
            let kind = match &refused.command {
                Command::Init(_) => INIT,
                Command::Deposit { .. } => DEPOSIT,
                Command::Withdraw { .. } => WITHDRAW,
                Command::Transfer(_) => TRANSFER,
            };
            bytes.push(kind | REFUSED);
            write_u64(bytes, seq.get());
            for account in refused.command.accounts() {
                write_name(bytes, account);
            }
            let amount = amount_of(&refused.command).map_or(0, Amount::get);
            write_u64(bytes, amount.unsigned_abs());
            bytes.push(match refused.rejection {
                Rejection::BalanceOutOfRange { .. } => BALANCE_OUT_OF_RANGE,
                Rejection::InsufficientFunds { .. }
                | Rejection::InvalidName(_)
                | Rejection::InvalidAmount(_)
                | Rejection::InvalidTxId(_)
                | Rejection::SameAccount
                | Rejection::TxIdReused
                | Rejection::DeadlinePassed { .. }
                | Rejection::Voided => INSUFFICIENT_FUNDS,
            });
            write_balance(bytes, refused.rejection.balance().unwrap_or(Balance::ZERO));
        }
        Event::Void => {}
    }
}

/// What a record says to a request that asks for `command`.
pub(super) fn read<'a>(record: &[u8], command: &Command<'a>) -> Known<'a> {
    let mut reader = Reader(record);
    let (Some(kind), Some(seq)) = (reader.byte(), reader.u64()) else {
        unreachable!("every record begins with its kind and its seq");
    };
    let seq = Seq::new(seq);
    let known = match (kind, command) {
        (INIT, Command::Init(_)) => {
            reader.legs(command).map(|legs| Known::Done { seq, event: Event::Init { legs } })
        }
        (DEPOSIT, Command::Deposit { account, amount }) => {
            let leg = reader.one(account, *amount, Balance::minus);
            leg.map(|leg| Known::Done { seq, event: Event::Deposit { leg, amount: *amount } })
        }
        (WITHDRAW, Command::Withdraw { account, amount }) => {
            let leg = reader.one(account, *amount, Balance::plus);
            leg.map(|leg| Known::Done { seq, event: Event::Withdraw { leg, amount: *amount } })
        }
        (TRANSFER, Command::Transfer(transfer)) => {
            reader.transfer(transfer).map(|event| Known::Done { seq, event })
        }
        (kind, command) if kind == kind_of(command) | REFUSED => {
            reader.refusal(command).map(|rejection| Known::Refused { seq, rejection })
        }
        _ => None,
    };
    known.unwrap_or(Known::Other { seq })
}

fn kind_of(command: &Command<'_>) -> u8 {
    match command {
        Command::Init(_) => INIT,
        Command::Deposit { .. } => DEPOSIT,
        Command::Withdraw { .. } => WITHDRAW,
        Command::Transfer(_) => TRANSFER,
    }
}

fn amount_of(command: &Command<'_>) -> Option<Amount> {
    match command {
        Command::Init(_) => None,
        Command::Deposit { amount, .. } | Command::Withdraw { amount, .. } => Some(*amount),
        Command::Transfer(transfer) => Some(transfer.amount()),
    }
}

fn write_one(bytes: &mut Vec<u8>, kind: u8, seq: Seq, leg: &Leg<'_>, amount: Amount) {
    bytes.push(kind);
    write_u64(bytes, seq.get());
    write_name(bytes, &leg.account);
    write_u64(bytes, amount.get().unsigned_abs());
    write_balance(bytes, leg.after);
}

fn write_name(bytes: &mut Vec<u8>, account: &AccountId<'_>) {
    let name = account.as_str();
    bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(name.as_bytes());
}

fn write_balance(bytes: &mut Vec<u8>, balance: Balance) {
    // Zigzag: the sign goes into the lowest bit, so that small numbers of either sign stay short.
    let number = balance.get();
    write_u64(bytes, number.unsigned_abs() << 1 | u64::from(number < 0));
}

/// Seven bits a byte, lowest first; the highest bit says that more follow (LEB128).
fn write_u64(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}

struct Reader<'r>(&'r [u8]);

impl<'r> Reader<'r> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn u64(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn balance(&mut self) -> Option<Balance> {
        let zigzag = self.u64()?;
        let magnitude = i64::try_from(zigzag >> 1).ok()?;
        Balance::new(if zigzag & 1 == 0 { magnitude } else { -magnitude })
    }

    fn name(&mut self) -> Option<&'r [u8]> {
        let len = usize::from(self.byte()?);
        let (name, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(name)
    }

    /// Steps over a name; `None` unless it is that of `account`.
    fn named(&mut self, account: &AccountId<'_>) -> Option<()> {
        (self.name()? == account.as_str().as_bytes()).then_some(())
    }

    fn amounting(&mut self, amount: Amount) -> Option<()> {
        (self.u64()? == amount.get().unsigned_abs()).then_some(())
    }

    fn one<'a>(
        &mut self,
        account: &AccountId<'a>,
        amount: Amount,
        back: fn(Balance, Amount) -> Option<Balance>,
    ) -> Option<Leg<'a>> {
        self.named(account)?;
        self.amounting(amount)?;
        let after = self.balance()?;
        Some(Leg { account: account.clone(), before: back(after, amount)?, after })
    }

    fn transfer<'a>(&mut self, transfer: &Transfer<'a>) -> Option<Event<'a>> {
        let amount = transfer.amount();
        self.named(transfer.from())?;
        self.named(transfer.to())?;
        self.amounting(amount)?;
        let (from_after, to_after) = (self.balance()?, self.balance()?);
        let from_before = from_after.plus(amount)?;
        let to_before = to_after.minus(amount)?;
        let from = transfer.from().clone();
        let to = transfer.to().clone();
        Some(Event::Transfer {
            from: Leg { account: from, before: from_before, after: from_after },
            to: Leg { account: to, before: to_before, after: to_after },
            amount,
        })
    }

    fn legs<'a>(&mut self, command: &Command<'a>) -> Option<Vec<Leg<'a>>> {
        let Command::Init(openings) = command else { return None };
        let openings = openings.as_slice();
        (self.u64()? == openings.len() as u64).then_some(())?;
        let mut recorded = HashMap::with_capacity(openings.len());
        for _ in openings {
            let name = self.name()?;
            recorded.insert(name, (self.balance()?, self.balance()?));
        }
        let legs = openings.iter().map(|(account, opening)| {
            let (before, after) = *recorded.get(account.as_str().as_bytes())?;
            (after == *opening).then(|| Leg { account: account.clone(), before, after })
        });
        legs.collect()
    }

    fn refusal(&mut self, command: &Command<'_>) -> Option<Rejection> {
        for account in command.accounts() {
            self.named(account)?;
        }
        self.amounting(amount_of(command)?)?;
        let code = self.byte()?;
        let balance = self.balance()?;
        match code {
            INSUFFICIENT_FUNDS => Some(Rejection::InsufficientFunds { balance }),
            BALANCE_OUT_OF_RANGE => Some(Rejection::BalanceOutOfRange { balance }),
            _ => None,
        }
    }
}
