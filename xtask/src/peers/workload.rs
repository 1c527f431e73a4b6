//! What is asked of every peer: the rows of the comparison, the accounts and the transfers. Not
//! here: how a transfer is said (`wire`), or sent (`load`).
//!
//! **Invariant:** a transfer has the same length in bytes whatever its numbers are, so that every
//! peer reads the same amount for each.

/// What each account holds at the start, in minor units: so much that no transfer is ever refused.
pub const OPENING: u64 = 1_000_000_000_000;

/// Most accounts: what a name's seven digits can number.
pub const ACCOUNTS_MAX: u32 = 10_000_000;

/// Bytes of an account's name: a letter and seven digits.
pub const NAME_BYTES: usize = 8;

/// Bytes of a tx_id: row, connection and number.
pub const TX_ID_BYTES: usize = 18;

/// One row of the comparison.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What a reader sees.
    pub title: &'static str,
    /// The first letter of its tx_ids: rows run on the same bank, one after another.
    pub letter: u8,
    /// Connections, all open before the clock starts.
    pub connections: u32,
    /// Requests in flight on each.
    pub depth: u32,
    /// Whether all money goes to one account.
    pub hot: bool,
}

/// The rows, in the order in which they run.
pub const ROWS: [Row; 3] = [
    Row {
        title: "16 connections × 64 in flight",
        letter: b'p',
        connections: 16,
        depth: 64,
        hot: false,
    },
    Row {
        title: "64 connections × 1 in flight",
        letter: b's',
        connections: 64,
        depth: 1,
        hot: false,
    },
    Row { title: "one hot account, 16 × 64", letter: b'h', connections: 16, depth: 64, hot: true },
];

/// Money to be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Number of the account that pays.
    pub from: u32,
    /// Number of the account that is paid; another one.
    pub to: u32,
    /// Minor units, 10 to 99: two digits.
    pub amount: u32,
    /// Never used before on this bank.
    pub tx_id: [u8; TX_ID_BYTES],
}

/// The transfers of one connection. The same row, connection and accounts give the same ones.
#[derive(Debug)]
pub struct Draw {
    accounts: u32,
    hot: bool,
    random: u64,
    number: u64,
    tx_id: [u8; TX_ID_BYTES],
}

impl Draw {
    /// `accounts`: 2 to `ACCOUNTS_MAX`. `connection`: below 1,000.
    pub fn new(row: Row, connection: u32, accounts: u32) -> Self {
        let mut tx_id = *b"r-000-000000000000";
        tx_id[0] = row.letter;
        write_digits(&mut tx_id[2..5], u64::from(connection));
        let random = (u64::from(row.letter) << 32) | u64::from(connection);
        Self { accounts, hot: row.hot, random, number: 0, tx_id }
    }

    /// The next transfer: two different accounts, every pair as likely as any other.
    pub fn transfer(&mut self) -> Transfer {
        self.number += 1;
        write_digits(&mut self.tx_id[6..], self.number);
        let (from, to) = if self.hot {
            (1 + self.below(self.accounts - 1), 0)
        } else {
            let from = self.below(self.accounts);
            let other = self.below(self.accounts - 1);
            (from, if other >= from { other + 1 } else { other })
        };
        Transfer { from, to, amount: 10 + self.below(90), tx_id: self.tx_id }
    }

    /// A number below `bound`, by multiplication: its unevenness is below one in a hundred
    /// thousand for the bounds here.
    fn below(&mut self, bound: u32) -> u32 {
        let high = self.random_bits() >> 32;
        u32::try_from((high * u64::from(bound)) >> 32).unwrap_or_default()
    }

    /// `SplitMix64`: enough for choosing accounts, and two multiplications a number.
    fn random_bits(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

/// The name of an account.
pub fn name(number: u32) -> [u8; NAME_BYTES] {
    let mut name = *b"a0000000";
    write_digits(&mut name[1..], u64::from(number));
    name
}

/// The name of an account, as text.
pub fn name_text(number: u32) -> String {
    format!("a{number:07}")
}

/// Fills `digits` with the last digits of `number`.
pub fn write_digits(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Draw, ROWS, name, name_text};

    #[test]
    fn a_tx_id_is_never_drawn_twice_over_rows_and_connections() {
        let mut seen = HashSet::new();
        for row in ROWS {
            for connection in 0..row.connections {
                let mut draw = Draw::new(row, connection, 100);
                assert!((0..200).all(|_| seen.insert(draw.transfer().tx_id)));
            }
        }
    }

    #[test]
    fn uniform_transfers_pay_from_every_account_to_every_other_and_never_to_themselves() {
        let mut draw = Draw::new(ROWS[0], 0, 4);
        let mut pairs = HashSet::new();
        for _ in 0..1000 {
            let transfer = draw.transfer();
            assert!((10..100).contains(&transfer.amount));
            pairs.insert((transfer.from, transfer.to));
        }
        assert_eq!(pairs.len(), 12);
        assert!(pairs.iter().all(|(from, to)| from != to));
    }

    #[test]
    fn hot_transfers_pay_from_all_others_into_the_first_account() {
        let mut draw = Draw::new(ROWS[2], 0, 4);
        let pairs: HashSet<_> =
            (0..1000).map(|_| draw.transfer()).map(|each| (each.from, each.to)).collect();
        assert_eq!(pairs, HashSet::from([(1, 0), (2, 0), (3, 0)]));
    }

    #[test]
    fn both_forms_of_a_name_are_the_same() {
        assert_eq!(&name(1234), name_text(1234).as_bytes());
        assert_eq!(name_text(1234), "a0001234");
    }
}
