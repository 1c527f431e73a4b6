//! Random requests, retries and restarts, compared step by step with the naive model.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use ledger::limits::{AMOUNT_MAX, BALANCE_MAX};
use ledger::model::{Answer, Model};
use ledger::{AccountId, Balance, Command, Openings, Seq, Transfer, TxId};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::Instance;
use super::ask::{account, again, amount, answer, answer_of, ask, balances, given, held_of};
use crate::seam::{Engine, Outcome, Request};

/// Few accounts, so that commands meet each other.
const NAMES: [&str; 5] = ["alice", "bob", "\u{e9}\"\\", "d", "e"];

/// What one client asks of one ledger, and when it is restarted.
#[derive(Clone, Debug)]
pub struct Script(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Batch(Vec<Asked>),
    Reopen,
}

#[derive(Clone, Debug)]
enum Asked {
    /// A change under a tx_id of its own.
    New {
        command: Command<'static>,
        given: bool,
    },
    /// One of the changes before, once more.
    Again {
        which: Index,
        given: bool,
    },
    /// The tx_id of one of the changes before, with this content.
    Other {
        which: Index,
        command: Command<'static>,
    },
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
                Step::Reopen => instance = instance.reopened().await,
            }
        }
        compared.compare_balances(&*instance.engine).await;
        instance = instance.reopened().await;
        compared.compare_balances(&*instance.engine).await;
        compared.ask_everything_again(&*instance.engine).await;
        compared.compare_balances(&*instance.engine).await;
    }
}

/// The model, and what was asked of both so far.
#[derive(Default)]
struct Compared {
    model: Model,
    /// Every change so far, with its tx_id.
    asked: Vec<(Command<'static>, String)>,
    /// The seq of each account's last change.
    changed: HashMap<String, u64>,
}

impl Compared {
    async fn run(&mut self, engine: &dyn Engine, asked: Vec<Asked>) {
        let batch: Vec<Request<'static>> =
            asked.into_iter().filter_map(|one| self.request(one)).collect();
        let outcomes = ask(engine, batch.clone()).await;
        for (request, outcome) in batch.iter().zip(&outcomes) {
            self.compare(request, outcome);
        }
    }

    fn request(&mut self, asked: Asked) -> Option<Request<'static>> {
        let (command, tx_id, tx_id_given) = match asked {
            Asked::New { command, given } => (command, format!("t{}", self.asked.len()), given),
            Asked::Again { which, given } => {
                let (command, tx_id) = self.earlier(which)?;
                (command, tx_id, given)
            }
            Asked::Other { which, command } => (command, self.earlier(which)?.1, true),
            Asked::Balance(name) => return Some(Request::Balance(account(name))),
            Asked::Balances(names) => return Some(balances(&names)),
        };
        self.asked.push((command.clone(), tx_id.clone()));
        let tx_id = TxId::new(tx_id).expect("a short word");
        Some(Request::Write { command, tx_id, tx_id_given, not_after_us: None })
    }

    fn earlier(&self, which: Index) -> Option<(Command<'static>, String)> {
        let count = self.asked.len();
        if count == 0 { None } else { self.asked.get(which.index(count)).cloned() }
    }

    fn compare(&mut self, request: &Request<'_>, outcome: &Outcome<'_>) {
        match request {
            Request::Write { command, tx_id, tx_id_given, not_after_us: _ } => {
                let expected = self.model.execute(command, tx_id.as_str(), *tx_id_given);
                assert_eq!(answer_of(outcome), expected, "{request:?}");
                if let Answer::Done { seq, legs, duplicate: false } = &expected {
                    for (name, ..) in legs {
                        self.changed.insert(name.clone(), *seq);
                    }
                }
                if let Answer::Refused { seq: None, .. } = expected {
                    self.compare_position(command.accounts(), outcome.rests_on());
                }
            }
            Request::Resolve(_) => unreachable!("a script resolves nothing"),
            Request::Balance(asked) => {
                let (held, as_of) = held_of(outcome);
                assert_eq!(held, self.expected([asked]), "{request:?}");
                self.compare_position([asked], as_of);
            }
            Request::Balances(asked) => {
                let (held, as_of) = held_of(outcome);
                assert_eq!(held, self.expected(asked), "{request:?}");
                self.compare_position(asked, as_of);
            }
        }
    }

    fn expected<'n>(&self, names: impl IntoIterator<Item = &'n AccountId<'n>>) -> Vec<Option<i64>> {
        let held = names.into_iter().map(|name| self.model.balance(name.as_str()));
        held.map(|held| held.map(|held| i64::try_from(held).expect("in its range"))).collect()
    }

    /// No lower than the last change of what it shows, and of nothing that is yet to come.
    fn compare_position<'n>(&self, names: impl IntoIterator<Item = &'n AccountId<'n>>, as_of: Seq) {
        let changes = names.into_iter().filter_map(|name| self.changed.get(name.as_str()));
        let lowest = changes.copied().max().unwrap_or(0);
        assert!((lowest..=self.model.seq()).contains(&as_of.get()), "as of {as_of}");
    }

    async fn compare_balances(&mut self, engine: &dyn Engine) {
        let request = balances(&NAMES);
        let outcomes = ask(engine, vec![request.clone()]).await;
        self.compare(&request, outcomes.first().expect("one outcome per request"));
        assert_eq!(engine.seq_durable().get(), self.model.seq());
    }

    async fn ask_everything_again(&mut self, engine: &dyn Engine) {
        for (command, tx_id) in std::mem::take(&mut self.asked) {
            let first = self.model.execute(&command, &tx_id, true);
            let second = answer(engine, given(command.clone(), &tx_id)).await;
            assert_eq!(second, first, "{command:?} under {tx_id}");
            let third = answer(engine, given(command, &tx_id)).await;
            assert_eq!(third, again(&first), "under {tx_id}");
        }
    }
}

fn script() -> impl Strategy<Value = Script> {
    let batch = prop::collection::vec(asked(), 1..8).prop_map(Step::Batch);
    let step = prop_oneof![15 => batch, 1 => Just(Step::Reopen)];
    prop::collection::vec(step, 1..12).prop_map(Script)
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        8 => (command(), any::<bool>()).prop_map(|(command, given)| Asked::New { command, given }),
        3 => (any::<Index>(), any::<bool>())
            .prop_map(|(which, given)| Asked::Again { which, given }),
        1 => (any::<Index>(), command())
            .prop_map(|(which, command)| Asked::Other { which, command }),
        1 => select(&NAMES[..]).prop_map(Asked::Balance),
        1 => prop::collection::vec(select(&NAMES[..]), 0..8).prop_map(Asked::Balances),
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
