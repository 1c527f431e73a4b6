//! What is asked of the bank, operation by operation. An operation is one request or a few that
//! belong together; the requests of a connection are sent in order.
//! Not here: how a request is written (`requests`), which account is chosen (`choice`).

use clap::ValueEnum;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use super::Load;
use super::choice::{Choice, NoSkew, below};

/// Amounts are from 10 to 99 cents, so that all of them have two digits.
const AMOUNT_MIN: u8 = 10;
const AMOUNT_KINDS: u64 = 90;

/// Accounts of a branch and tellers of a branch, as pgbench has them.
const ACCOUNTS_PER_BRANCH: u32 = 100_000;
const TELLERS_PER_BRANCH: u32 = 10;

/// A mix of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Transfers between two accounts
    Transfer,
    /// 60 % transfers, 25 % balances, 15 % deposits and withdrawals
    Mixed,
    /// The shape of pgbench: branch, teller and account move together, and the account is read
    Tpcb,
    /// Customers with checking and savings, six kinds of operation
    Smallbank,
}

/// What one request asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Money from the first account to the second.
    Transfer,
    /// Money into the first account.
    Deposit,
    /// Money out of the first account.
    Withdraw,
    /// What the first account holds.
    Balance,
    /// What both accounts hold.
    Balances,
}

/// How many kinds there are.
pub const KINDS: usize = 5;

/// One request: accounts by place, the amount in cents, 0 where nothing moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is asked.
    pub kind: Kind,
    /// Who pays, receives or is asked about.
    pub first: u32,
    /// The other side, for the kinds that have one.
    pub second: u32,
    /// From 10 to 99, or 0.
    pub amount: u8,
    /// Whether it ends its operation.
    pub is_last: bool,
}

/// The operations of one connection, request by request. The same load and lane give the same ones.
#[derive(Debug)]
pub struct Script {
    workload: Workload,
    choice: Choice,
    /// Of `tpcb`: how many accounts come before the tellers, and how many branches there are.
    accounts: u32,
    branches: u32,
    random: Xoshiro256PlusPlus,
    /// The rest of the operation at hand, its next step last.
    rest: [Option<Step>; 2],
}

impl Workload {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Mixed => "mixed",
            Self::Tpcb => "tpcb",
            Self::Smallbank => "smallbank",
        }
    }

    /// What one operation is called, in the plural.
    pub fn operations(self) -> &'static str {
        match self {
            Self::Transfer => "transfers",
            Self::Mixed => "requests",
            Self::Tpcb => "transactions",
            Self::Smallbank => "operations",
        }
    }

    /// Fewest accounts that it needs.
    pub fn accounts_min(self) -> u32 {
        match self {
            Self::Transfer | Self::Mixed | Self::Tpcb => 2,
            // Two customers with two accounts each.
            Self::Smallbank => 4,
        }
    }

    /// How many accounts have to be opened when money moves between `accounts`: tellers and branches
    /// come on top.
    pub fn accounts_in_all(self, accounts: u32) -> u32 {
        match self {
            Self::Transfer | Self::Mixed => accounts,
            Self::Tpcb => accounts + branches(accounts) * (TELLERS_PER_BRANCH + 1),
            Self::Smallbank => accounts - accounts % 2,
        }
    }

    /// How many things it chooses among: accounts, or customers with two of them.
    fn choices(self, accounts: u32) -> u32 {
        match self {
            Self::Transfer | Self::Mixed | Self::Tpcb => accounts,
            Self::Smallbank => accounts / 2,
        }
    }

    /// The choice that the scripts of all connections share.
    pub fn choice(load: &Load) -> Result<Choice, NoSkew> {
        Choice::new(load, load.workload.choices(load.accounts))
    }
}

fn branches(accounts: u32) -> u32 {
    accounts.div_ceil(ACCOUNTS_PER_BRANCH)
}

impl Script {
    /// The operations of connection number `lane` of all runs together, from 0.
    pub fn new(load: &Load, lane: u32, choice: Choice) -> Self {
        let seed = load.seed.wrapping_add(u64::from(lane).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            workload: load.workload,
            choice,
            accounts: load.accounts,
            branches: branches(load.accounts),
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            rest: [None, None],
        }
    }

    /// The next request.
    #[inline]
    pub fn step(&mut self) -> Step {
        match self.workload {
            Workload::Transfer => self.transfer(),
            Workload::Mixed => self.mixed(),
            Workload::Tpcb => match self.rest() {
                Some(step) => step,
                None => self.tpcb(),
            },
            Workload::Smallbank => match self.rest() {
                Some(step) => step,
                None => self.smallbank(),
            },
        }
    }

    fn rest(&mut self) -> Option<Step> {
        let [after, next] = self.rest;
        self.rest = [None, after];
        next
    }

    #[inline]
    fn transfer(&mut self) -> Step {
        let (first, second) = self.choice.pair(&mut self.random);
        self.move_money(first, second, true)
    }

    fn mixed(&mut self) -> Step {
        match self.below(200) {
            0..120 => self.transfer(),
            120..170 => {
                let first = self.one();
                read(Kind::Balance, first, first)
            }
            170..185 => self.enter(Kind::Deposit),
            _ => self.enter(Kind::Withdraw),
        }
    }

    /// Money goes from a branch to its teller and on to the account, or all the way back, and the
    /// account is read. As in pgbench branch, teller and account are chosen apart.
    fn tpcb(&mut self) -> Step {
        let account = self.one();
        let tellers = self.branches * TELLERS_PER_BRANCH;
        let teller = self.accounts + self.below(tellers);
        let branch = self.accounts + tellers + self.below(self.branches);
        let amount = self.amount();
        let step =
            |first, second| Step { kind: Kind::Transfer, first, second, amount, is_last: false };
        let pays_in = self.below(2) == 0;
        let (one, other) = if pays_in { (branch, account) } else { (account, branch) };
        self.rest = [Some(read(Kind::Balance, account, account)), Some(step(teller, other))];
        step(one, teller)
    }

    /// Customer c has checking at 2c and savings at 2c + 1. The shares are those of the benchmark's
    /// usual implementation: 25 % payments, 15 % of each of the others.
    fn smallbank(&mut self) -> Step {
        match self.below(100) {
            0..25 => {
                let (from, to) = self.choice.pair(&mut self.random);
                self.move_money(checking(from), checking(to), true)
            }
            // Amalgamate: savings and checking of one customer pay into another's checking.
            25..40 => {
                let (from, to) = self.choice.pair(&mut self.random);
                self.rest = [None, Some(self.move_money(checking(from), checking(to), true))];
                self.move_money(savings(from), checking(to), false)
            }
            40..55 => {
                let customer = self.one();
                read(Kind::Balances, checking(customer), savings(customer))
            }
            // Deposit checking, write check, and transact savings, which goes both ways.
            55..70 => self.book(Kind::Deposit, checking),
            70..85 => self.book(Kind::Withdraw, checking),
            _ => {
                let kind = if self.below(2) == 0 { Kind::Deposit } else { Kind::Withdraw };
                self.book(kind, savings)
            }
        }
    }

    #[inline]
    fn move_money(&mut self, first: u32, second: u32, is_last: bool) -> Step {
        Step { kind: Kind::Transfer, first, second, amount: self.amount(), is_last }
    }

    /// A deposit or a withdrawal.
    fn enter(&mut self, kind: Kind) -> Step {
        self.book(kind, |account| account)
    }

    fn book(&mut self, kind: Kind, account: fn(u32) -> u32) -> Step {
        let first = account(self.one());
        Step { kind, first, second: first, amount: self.amount(), is_last: true }
    }

    fn one(&mut self) -> u32 {
        self.choice.one(&mut self.random)
    }

    fn amount(&mut self) -> u8 {
        let above = below(self.random.next_u64() >> 32, AMOUNT_KINDS);
        AMOUNT_MIN + u8::try_from(above).unwrap_or_default()
    }

    fn below(&mut self, bound: u32) -> u32 {
        let number = below(self.random.next_u64() >> 32, u64::from(bound));
        u32::try_from(number).unwrap_or_default()
    }
}

fn read(kind: Kind, first: u32, second: u32) -> Step {
    Step { kind, first, second, amount: 0, is_last: true }
}

fn checking(customer: u32) -> u32 {
    2 * customer
}

fn savings(customer: u32) -> u32 {
    2 * customer + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(workload: Workload, accounts: u32, count: usize) -> Vec<Step> {
        let load = Load::of(workload, accounts);
        let mut script = Script::new(&load, 0, Workload::choice(&load).unwrap());
        (0..count).map(|_| script.step()).collect()
    }

    fn share(steps: &[Step], is_meant: impl Fn(&Step) -> bool) -> usize {
        steps.iter().filter(|step| is_meant(step)).count() * 1_000 / steps.len()
    }

    #[test]
    fn a_mix_has_the_shares_that_it_promises() {
        let steps = steps(Workload::Mixed, 1_000, 100_000);
        let of = |kind| share(&steps, |step| step.kind == kind);
        assert!((590..=610).contains(&of(Kind::Transfer)));
        assert!((240..=260).contains(&of(Kind::Balance)));
        assert!((70..=80).contains(&of(Kind::Deposit)));
        assert!((70..=80).contains(&of(Kind::Withdraw)));
    }

    #[test]
    fn a_tpcb_transaction_is_a_chain_of_two_transfers_and_a_reading() {
        let accounts = 150_000;
        let (first_teller, first_branch) = (accounts, accounts + 20);
        assert_eq!(Workload::Tpcb.accounts_in_all(accounts), accounts + 22);
        let steps = steps(Workload::Tpcb, accounts, 30_000);
        let mut paid_in = 0;
        for chain in steps.chunks(3) {
            let [one, two, three] = chain else { panic!("{chain:?}") };
            assert_eq!((one.kind, two.kind), (Kind::Transfer, Kind::Transfer));
            assert_eq!((one.second, one.amount), (two.first, two.amount), "one amount, one teller");
            assert!((first_teller..first_branch).contains(&one.second));
            let (branch, account) = if one.first >= first_branch {
                (one.first, two.second)
            } else {
                (two.second, one.first)
            };
            paid_in += u32::from(one.first >= first_branch);
            assert!((first_branch..first_branch + 2).contains(&branch) && account < accounts);
            assert_eq!((three.kind, three.first), (Kind::Balance, account));
            assert_eq!([one, two, three].map(|step| step.is_last), [false, false, true]);
        }
        assert!((4_800..5_200).contains(&paid_in), "{paid_in} of 10,000 pay in");
    }

    #[test]
    fn smallbank_has_six_operations_in_their_shares_on_the_right_accounts() {
        let steps = steps(Workload::Smallbank, 1_000, 100_000);
        let operations: Vec<&[Step]> = steps.split_inclusive(|step| step.is_last).collect();
        let (mut pay, mut amalgamate, mut read, mut checks, mut savings) = (0, 0, 0, 0, 0);
        for operation in &operations {
            match operation {
                [one, two] => {
                    assert_eq!(one.first, two.first + 1, "savings and checking of one customer");
                    assert_eq!((one.second, one.second % 2), (two.second, 0));
                    amalgamate += 1;
                }
                [one] if one.kind == Kind::Balances => {
                    assert_eq!((one.first + 1, one.first % 2), (one.second, 0));
                    read += 1;
                }
                [one] if one.kind == Kind::Transfer => {
                    assert_eq!((one.first % 2, one.second % 2), (0, 0));
                    pay += 1;
                }
                [one] if one.first % 2 == 0 => checks += 1,
                [_] => savings += 1,
                odd => panic!("{odd:?}"),
            }
        }
        let share = |count: usize| count * 1_000 / operations.len();
        assert!((240..=260).contains(&share(pay)), "{pay}");
        assert!((290..=310).contains(&share(checks)), "{checks}: deposits and checks");
        for count in [amalgamate, read, savings] {
            assert!((140..=160).contains(&share(count)), "{count}");
        }
    }

    #[test]
    fn money_that_enters_and_money_that_leaves_keep_the_balance() {
        for workload in [Workload::Mixed, Workload::Smallbank] {
            let steps = steps(workload, 1_000, 100_000);
            let cents = |kind| -> u64 {
                steps.iter().filter(|s| s.kind == kind).map(|s| u64::from(s.amount)).sum()
            };
            let (into, out) = (cents(Kind::Deposit), cents(Kind::Withdraw));
            assert!(into.abs_diff(out) < into / 20, "{workload:?}: {into} in, {out} out");
        }
    }

    #[test]
    fn every_step_stays_within_the_accounts_and_the_amounts() {
        for workload in [Workload::Transfer, Workload::Mixed, Workload::Tpcb, Workload::Smallbank] {
            for accounts in [workload.accounts_min(), 5, 1_000] {
                let all = workload.accounts_in_all(accounts);
                for step in steps(workload, accounts, 1_000) {
                    assert!(step.first < all && step.second < all, "{step:?} of {all}");
                    assert!(step.amount == 0 || (10..=99).contains(&step.amount));
                }
            }
        }
    }
}
