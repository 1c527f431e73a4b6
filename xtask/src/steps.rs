//! What `cargo xtask test` runs, in order: one table. Not here: how a step is run (`test`).

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Each change: under 20 minutes on two cores.
    Usual,
    /// With the slow tiers.
    All,
}

/// One step.
pub struct Step {
    /// The heading.
    pub title: &'static str,
    /// What it does.
    pub action: Action,
}

impl Step {
    const fn new(title: &'static str, action: Action) -> Self {
        Self { title, action }
    }
}

/// What a step does.
pub enum Action {
    /// Provides the programs that tests call.
    Needs,
    /// Checks the repository's own rules.
    Rules,
    /// Compares the instructions of the hottest operations with the recorded ones.
    Counts,
    /// A cargo command without tests.
    Cargo(&'static [&'static str]),
    /// Tests, chosen by arguments that `cargo test` and `cargo nextest run` both take. A step that
    /// runs no test at all has failed.
    Tests(&'static [&'static str]),
    /// The same, beside a PostgreSQL server of the step's own.
    DatabaseTests(&'static [&'static str]),
    /// Examples in the documentation, of which there may be none.
    DocTests(&'static [&'static str]),
}

const LINTS: &[&str] = &[
    "clippy",
    "--locked",
    "--workspace",
    "--all-targets",
    "--features",
    "engine/conformance,postgres/planted,sim/planted",
    "--",
    "-D",
    "warnings",
];

const SCHEDULE_LINTS: &[&str] = &[
    "clippy",
    "--locked",
    "--package",
    "engine",
    "--package",
    "journal",
    "--all-targets",
    "--features",
    "engine/shuttle,engine/planted",
    "--",
    "-D",
    "warnings",
];

/// The steps, in order. The cheap ones come first, so that a slip is told early.
pub const STEPS: &[Step] = &[
    Step::new("programs that the tests call", Action::Needs),
    Step::new("format", Action::Cargo(&["fmt", "--all", "--check"])),
    Step::new("the repository's own rules", Action::Rules),
    Step::new("lints", Action::Cargo(LINTS)),
    Step::new("lints of the schedule explorer", Action::Cargo(SCHEDULE_LINTS)),
    Step::new(
        "the release binary",
        Action::Cargo(&["build", "--locked", "--release", "--package", "saldo"]),
    ),
    Step::new("instructions of the hottest operations", Action::Counts),
    Step::new(
        "unit and integration tests of the crates",
        Action::Tests(&[
            "--workspace",
            "--exclude",
            "tests",
            "--exclude",
            "postgres",
            "--tests",
            "--features",
            "engine/conformance",
        ]),
    ),
    Step::new(
        "the engine over PostgreSQL, alone and with a synchronous standby",
        Action::DatabaseTests(&["--package", "postgres", "--tests"]),
    ),
    Step::new(
        "examples in the documentation",
        Action::DocTests(&["--workspace", "--exclude", "tests"]),
    ),
    Step::new(
        "the schedule explorer: locks, group commit, padding ahead",
        Action::Tests(&[
            "--package",
            "engine",
            "--package",
            "journal",
            "--features",
            "engine/shuttle,engine/planted",
            "--test",
            "schedules",
        ]),
    ),
    Step::new(
        "planted faults: each is caught",
        Action::Tests(&["--package", "sim", "--features", "planted", "--test", "planted"]),
    ),
    Step::new(
        "planted faults of the engine over PostgreSQL: each is caught",
        Action::DatabaseTests(&[
            "--package",
            "postgres",
            "--features",
            "planted",
            "--test",
            "postgres",
            "planted",
        ]),
    ),
    Step::new(
        "the release binary, driven from outside",
        Action::Tests(&["--package", "tests", "--tests"]),
    ),
];

/// A tier that only `--all` runs: the variable that sizes it, its size, and what it is.
pub struct SlowTier {
    /// The environment variable that the tests read.
    pub variable: &'static str,
    /// Its value under `--all`.
    pub value: &'static str,
    /// What is run that often.
    pub what: &'static str,
}

/// What the usual run leaves out.
pub const SLOW_TIERS: &[SlowTier] = &[
    SlowTier { variable: "SALDO_KILLS", value: "1000", what: "kill -9 under load, 1,000 times" },
    SlowTier {
        variable: "SALDO_SEEDS",
        value: "1000000",
        what: "simulated power loss, 1,000,000 seeds",
    },
    SlowTier {
        variable: "SALDO_PG_FAULTS",
        value: "20",
        what: "faults of PostgreSQL and its network under load, 20 times each, cuts at every byte",
    },
    SlowTier {
        variable: "SALDO_FAILOVERS",
        value: "20",
        what: "a PostgreSQL cluster under Patroni, each of its faults under load 20 times; the usual run \
               kills the primary once",
    },
    SlowTier {
        variable: "SALDO_SCHEMATHESIS",
        value: "10000",
        what: "10,000 generated requests against the OpenAPI document",
    },
];

#[cfg(test)]
mod tests {
    use super::SLOW_TIERS;
    use crate::cargo::TIER_VARIABLES;

    #[test]
    fn every_tier_variable_reaches_the_tests() {
        let named: Vec<&str> = SLOW_TIERS.iter().map(|tier| tier.variable).collect();
        assert_eq!(named, TIER_VARIABLES);
    }
}
