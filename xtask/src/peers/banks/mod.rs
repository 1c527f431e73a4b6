//! The banks that are compared: how each is started, filled with accounts, and asked what it holds
//! in the end. A file for each.

mod accounts;
mod original;
pub mod postgres;
mod redis;
mod saldo;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::room::Room;
use super::wire::Dialect;

/// A bank that is compared. The order is that of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bank {
    /// This repository's.
    Saldo,
    /// Redis with a script.
    Redis,
    /// PostgreSQL with a function.
    Postgres,
    /// The design of the original program.
    Original,
}

/// Every bank, in the order of the table.
pub const BANKS: [Bank; 4] = [Bank::Saldo, Bank::Redis, Bank::Postgres, Bank::Original];

/// What a reader must know to compare.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// What was set, and what is asked of it.
    pub settings: &'static str,
    /// How long a tx_id is known.
    pub remembers: &'static str,
    /// What is on the disk when the answer comes.
    pub on_disk: &'static str,
}

/// Where the banks are built, and where they stand.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where every bank gets its folder.
    pub folder: PathBuf,
    /// The `saldo` that is measured.
    pub saldo: PathBuf,
    /// The script of the original's design.
    pub original: PathBuf,
    /// Accounts of each bank.
    pub accounts: u32,
}

/// A bank that runs, with its accounts open.
#[derive(Debug)]
pub struct Open {
    /// Its folder and process.
    pub room: Room,
    /// Where it listens.
    pub address: SocketAddr,
    /// How it is spoken to.
    pub dialect: Dialect,
    /// As it names itself.
    pub version: String,
}

/// A bank's books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Books {
    /// The sum of the balances of all accounts.
    pub sum: u64,
    /// Transfers that are recorded.
    pub transfers: u64,
}

impl Bank {
    /// What the command line calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Saldo => "saldo",
            Self::Redis => "redis",
            Self::Postgres => "postgres",
            Self::Original => "original",
        }
    }

    /// What a reader sees.
    pub fn title(self) -> &'static str {
        match self {
            Self::Saldo => "Saldo",
            Self::Redis => "Redis",
            Self::Postgres => "PostgreSQL",
            Self::Original => "the original's design",
        }
    }

    /// What a reader must know of it.
    pub fn about(self) -> About {
        match self {
            Self::Saldo => saldo::ABOUT,
            Self::Redis => redis::ABOUT,
            Self::Postgres => postgres::ABOUT,
            Self::Original => original::ABOUT,
        }
    }

    /// Starts it in a folder of its own and opens the accounts.
    pub fn open(self, site: &Site) -> Result<Open> {
        let room = Room::open(&site.folder, self.word())?;
        match self {
            Self::Saldo => saldo::open(room, site),
            Self::Redis => redis::open(room, site),
            Self::Postgres => postgres::open(room, site),
            Self::Original => original::open(room, site),
        }
    }

    /// Reads its books.
    pub fn books(self, open: &Open, accounts: u32) -> Result<Books> {
        match self {
            Self::Saldo | Self::Original => {
                accounts::books(open.address, &open.room.data(), accounts)
            }
            Self::Redis => redis::books(open.address, accounts),
            Self::Postgres => postgres::books(open.address),
        }
    }
}

/// What a program says of its version.
fn version_of(program: &Path) -> Result<String> {
    let output = std::process::Command::new(program).arg("--version").output()?;
    Ok(version_in(&String::from_utf8_lossy(&output.stdout)))
}

/// The first line, without the checksums that Redis tells besides.
fn version_in(said: &str) -> String {
    let line = said.lines().next().unwrap_or_default().trim();
    let words = line.split(' ').filter(|word| {
        let detail = ["sha=", "malloc=", "bits=", "build="];
        !detail.iter().any(|detail| word.starts_with(detail))
    });
    words.collect::<Vec<_>>().join(" ").replace("v=", "")
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn a_version_is_told_without_checksums() {
        let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae\n";
        assert_eq!(version_in(redis), "Redis server 7.0.15");
        assert_eq!(version_in("saldo 0.1.0\nmore"), "saldo 0.1.0");
    }
}
