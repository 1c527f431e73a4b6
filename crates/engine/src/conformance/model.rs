//! Random requests, retries and restarts, compared step by step with the naive model.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

use ledger::limits::{AMOUNT_MAX, BALANCE_MAX};
use ledger::{Balance, Command, Openings, Seq, Transfer};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::Instance;
use super::ask::{account, amount, balances, by, given, resolve, tx_id};
use super::books::{Books, FAR_US, PAST_US};
use crate::query::{Moment, Named, Order, PAGE_MAX, Query, Span, StatementPage};
use crate::seam::{Engine, Request};

/// Few accounts, so that commands meet each other.
const NAMES: [&str; 5] = ["alice", "bob", "\u{e9}\"\\", "d", "e"];

/// What one client asks of one ledger, and when it is restarted.
#[derive(Clone, Debug)]
pub struct Script(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    /// Each with who asks it.
    Batch(Vec<(Asked, Option<&'static str>)>),
    Read(Question),
    Reopen,
}

/// A question about history; places in it are chosen when it is asked.
#[derive(Clone, Debug)]
enum Question {
    OfTxId(Index),
    OfSeq(Index),
    Span {
        from: Index,
        to: Option<Index>,
        limit: usize,
    },
    Statement {
        name: &'static str,
        from: Option<(Index, bool)>,
        to: Option<(Index, bool)>,
        is_newest_first: bool,
        limit: usize,
        after: Option<Index>,
        end: Option<Index>,
    },
    BalanceAt {
        name: &'static str,
        at: (Index, bool),
    },
    Accounts {
        prefix: &'static str,
        after: Option<&'static str>,
        limit: usize,
        count: bool,
    },
    Totals,
}

#[derive(Clone, Debug)]
enum Asked {
    /// A change under a tx_id of its own.
    New {
        command: Command<'static>,
        given: bool,
        not_after_us: Option<u64>,
    },
    /// One of the changes before, once more.
    Again {
        which: Index,
        given: bool,
        not_after_us: Option<u64>,
    },
    /// The tx_id of one of the changes before, with this content.
    Other {
        which: Index,
        command: Command<'static>,
    },
    /// What became of one of the changes before?
    Resolve {
        which: Index,
    },
    /// The tx_id of the next new change, before it comes.
    ResolveNext,
    Balance(&'static str),
    Balances(Vec<&'static str>),
}

/// Hands so many random scripts to `check`, which runs [`Script::check`] on a fresh instance and
/// panics when that does. A script that fails is made as short as it can be, and shown with its
/// seed.
pub fn check_against_the_model(scripts_count: u32, check: impl Fn(Script)) {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = scripts_count;
    }
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one("seed"),
    };
    config.rng_seed = RngSeed::Fixed(seed);
    let result = TestRunner::new(config).run(&script(), |script| {
        check(script);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("PROPTEST_RNG_SEED={seed} {failure}");
    }
}

impl Script {
    /// Runs the script on a fresh instance and compares every outcome with the model's, then all
    /// balances, and all answers once more after a restart.
    pub async fn check(self, mut instance: Instance) {
        let mut compared = Compared::default();
        for step in self.0 {
            match step {
                Step::Batch(asked) => compared.run(&*instance.engine, asked).await,
                Step::Read(question) => compared.read(&*instance.engine, question).await,
                Step::Reopen => instance = instance.reopened().await,
            }
        }
        compared.compare_all(&*instance.engine).await;
        instance = instance.reopened().await;
        compared.compare_all(&*instance.engine).await;
        compared.ask_everything_again(&*instance.engine).await;
        compared.compare_all(&*instance.engine).await;
    }
}

/// The naive bank, and what was asked of both so far.
#[derive(Default)]
struct Compared {
    books: Books,
    /// Every change so far, with its tx_id.
    asked: Vec<(Command<'static>, String)>,
}

impl Compared {
    async fn run(&mut self, engine: &dyn Engine, asked: Vec<(Asked, Option<&'static str>)>) {
        let request = |(asked, who): (Asked, Option<&str>)| {
            let request = self.request(asked)?;
            Some(who.map_or(request.clone(), |who| by(request, who)))
        };
        let batch = asked.into_iter().filter_map(request).collect();
        self.books.ask(engine, batch).await;
    }

    fn request(&mut self, asked: Asked) -> Option<Request<'static>> {
        let (command, id, tx_id_given, not_after_us) = match asked {
            Asked::New { command, given, not_after_us } => {
                (command, format!("t{}", self.asked.len()), given, not_after_us)
            }
            Asked::Again { which, given, not_after_us } => {
                let (command, id) = self.earlier(which)?;
                (command, id, given, not_after_us)
            }
            Asked::Other { which, command } => (command, self.earlier(which)?.1, true, None),
            Asked::Resolve { which } => return Some(resolve(&self.earlier(which)?.1)),
            // The request comes later, as the next new one, or never.
            Asked::ResolveNext => return Some(resolve(&format!("t{}", self.asked.len()))),
            Asked::Balance(name) => return Some(Request::Balance(account(name))),
            Asked::Balances(names) => return Some(balances(&names)),
        };
        self.asked.push((command.clone(), id.clone()));
        Some(Request::Write { command, tx_id: tx_id(&id), tx_id_given, not_after_us, by: None })
    }

    fn earlier(&self, which: Index) -> Option<(Command<'static>, String)> {
        let count = self.asked.len();
        if count == 0 { None } else { self.asked.get(which.index(count)).cloned() }
    }

    async fn read(&self, engine: &dyn Engine, question: Question) {
        let last = self.books.model.seq();
        // Sometimes before the first event, and sometimes ahead of the last.
        let seq =
            |which: Index| Seq::new(which.index(usize::try_from(last).unwrap_or(0) + 2) as u64);
        let moment = |(which, is_time): (Index, bool)| match is_time {
            false => Moment::Seq(seq(which)),
            true => {
                let place = which.index(usize::try_from(last).unwrap_or(0) + 1);
                let happened = self.books.model.events().get(place);
                Moment::Time(happened.map_or(FAR_US, |happened| happened.at_us))
            }
        };
        let query = match question {
            Question::OfTxId(which) => match self.earlier(which) {
                Some((_, id)) => Query::Transaction(Named::TxId(tx_id(&id))),
                None => return,
            },
            Question::OfSeq(which) => Query::Transaction(Named::Seq(seq(which))),
            Question::Span { from, to, limit } => {
                Query::Transactions(Span { from: seq(from), to: to.map(seq), limit })
            }
            Question::Statement { name, from, to, is_newest_first, limit, after, end } => {
                let order = if is_newest_first { Order::NewestFirst } else { Order::OldestFirst };
                let (from, to) = (from.map(moment), to.map(moment));
                let (after, end) = (after.map(seq), end.map(seq));
                let page = StatementPage { from, to, order, limit, after, end };
                Query::Statement { account: account(name), page }
            }
            Question::BalanceAt { name, at } => {
                Query::BalanceAt { account: account(name), at: moment(at) }
            }
            Question::Accounts { prefix, after, limit, count } => {
                let after = after.map(account);
                Query::Accounts { prefix: Cow::Borrowed(prefix), after, limit, count }
            }
            Question::Totals => Query::Totals,
        };
        self.books.check(engine, query).await;
    }

    async fn compare_all(&mut self, engine: &dyn Engine) {
        self.books.ask(engine, vec![balances(&NAMES)]).await;
        assert_eq!(engine.seq_durable().get(), self.books.model.seq());
        self.books.check(engine, Query::Totals).await;
        for name in NAMES {
            let (from, to, after, end) = (None, None, None, None);
            let order = Order::NewestFirst;
            let page = StatementPage { from, to, order, limit: PAGE_MAX, after, end };
            self.books.check(engine, Query::Statement { account: account(name), page }).await;
        }
    }

    async fn ask_everything_again(&mut self, engine: &dyn Engine) {
        for (command, id) in std::mem::take(&mut self.asked) {
            let twice = vec![given(command.clone(), &id), given(command, &id), resolve(&id)];
            self.books.ask(engine, twice).await;
        }
    }
}

fn script() -> impl Strategy<Value = Script> {
    let batch = prop::collection::vec((asked(), who()), 1..8).prop_map(Step::Batch);
    let step =
        prop_oneof![15 => batch, 12 => question().prop_map(Step::Read), 1 => Just(Step::Reopen)];
    prop::collection::vec(step, 1..20).prop_map(Script)
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        8 => (command(), any::<bool>(), deadline()).prop_map(|(command, given, not_after_us)| {
            Asked::New { command, given, not_after_us }
        }),
        3 => (any::<Index>(), any::<bool>(), deadline()).prop_map(|(which, given, not_after_us)| {
            Asked::Again { which, given, not_after_us }
        }),
        1 => any::<Index>().prop_map(|which| Asked::Resolve { which }),
        1 => Just(Asked::ResolveNext),
        1 => (any::<Index>(), command())
            .prop_map(|(which, command)| Asked::Other { which, command }),
        1 => select(&NAMES[..]).prop_map(Asked::Balance),
        1 => prop::collection::vec(select(&NAMES[..]), 0..8).prop_map(Asked::Balances),
    ]
}

/// Mostly nobody.
fn who() -> impl Strategy<Value = Option<&'static str>> {
    proptest::option::weighted(0.3, select(&["user:ana", "token:\u{e9}\"\\", "user:bob"][..]))
}

fn deadline() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![6 => Just(None), 1 => Just(Some(PAST_US)), 1 => Just(Some(FAR_US))]
}

fn question() -> impl Strategy<Value = Question> {
    let name = || select(&NAMES[..]);
    let limit = || prop_oneof![4 => 1..6_usize, 1 => Just(PAGE_MAX)];
    let moment = any::<(Index, bool)>;
    let statement = (
        name(),
        proptest::option::of(moment()),
        proptest::option::of(moment()),
        any::<bool>(),
        limit(),
        any::<Option<Index>>(),
        any::<Option<Index>>(),
    );
    prop_oneof![
        2 => any::<Index>().prop_map(Question::OfTxId),
        1 => any::<Index>().prop_map(Question::OfSeq),
        2 => (any::<Index>(), any::<Option<Index>>(), limit())
            .prop_map(|(from, to, limit)| Question::Span { from, to, limit }),
        5 => statement.prop_map(|(name, from, to, is_newest_first, limit, after, end)| {
            Question::Statement { name, from, to, is_newest_first, limit, after, end }
        }),
        3 => (name(), moment()).prop_map(|(name, at)| Question::BalanceAt { name, at }),
        2 => (
            select(&["", "a", "al", "\u{e9}", "x"][..]),
            proptest::option::of(name()),
            limit(),
            any::<bool>()
        )
            .prop_map(|(prefix, after, limit, count)| {
                Question::Accounts { prefix, after, limit, count }
            }),
        1 => Just(Question::Totals),
    ]
}

fn command() -> impl Strategy<Value = Command<'static>> {
    let name = || select(&NAMES[..]);
    let units = || prop_oneof![8 => 1..=60_i64, 1 => AMOUNT_MAX - 60..=AMOUNT_MAX];
    let two_names = subsequence(&NAMES[..], 2).prop_shuffle();
    let transfer = (two_names, units()).prop_map(|(names, units)| {
        let [from, to] = names.as_slice() else { unreachable!("two of the names") };
        let transfer = Transfer::new(account(from), account(to), amount(units));
        Command::Transfer(transfer.expect("two different names"))
    });
    let opening = prop_oneof![8 => 0..=100_i64, 1 => BALANCE_MAX - 100..=BALANCE_MAX];
    let openings =
        subsequence(&NAMES[..], 0..=NAMES.len()).prop_shuffle().prop_flat_map(move |names| {
            let count = names.len();
            (Just(names), prop::collection::vec(opening.clone(), count))
        });
    let init = openings.prop_map(|(names, held)| {
        let openings = names.into_iter().zip(held).map(|(name, units)| {
            (account(name), Balance::new(units).expect("a balance in its range"))
        });
        Command::Init(Openings::new(openings.collect()).expect("each name once"))
    });
    prop_oneof![
        6 => transfer,
        3 => (name(), units())
            .prop_map(|(name, units)| Command::Deposit {
                account: account(name),
                amount: amount(units)
            }),
        3 => (name(), units())
            .prop_map(|(name, units)| Command::Withdraw {
                account: account(name),
                amount: amount(units)
            }),
        1 => init,
    ]
}
