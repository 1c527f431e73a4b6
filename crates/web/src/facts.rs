//! What a server tells about itself, and what it can be told to do for the bank's care.

use std::net::SocketAddr;
use std::sync::Arc;

/// What this server is. It does not change while it runs.
#[derive(Clone, Default)]
pub struct Facts {
    /// Of the program.
    pub version: &'static str,
    /// The ledger's own name, in hexadecimal digits, where a folder keeps the bank.
    pub ledger: Option<String>,
    /// The code of its currency, where a folder keeps the bank.
    pub currency: Option<String>,
    /// Who keeps the bank.
    pub keeper: Keeper,
    /// Where clients connect that send lines.
    pub lines: Option<SocketAddr>,
    /// What can be done on demand; `None` where a database sees to that.
    pub care: Option<Care>,
}

/// Who keeps the bank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeper {
    /// This process, in a folder.
    #[default]
    Folder,
    /// A database.
    Database,
}

/// What a bank in a folder can be told to do. Each of these blocks until it is done; text for people
/// comes back where it fails.
#[derive(Clone)]
pub struct Care {
    /// Proves the history from its first seal on; the function is told the seq reached, now and then.
    pub verify: Arc<dyn Fn(&dyn Fn(u64)) -> Result<Proven, String> + Send + Sync>,
    /// Makes a checkpoint.
    pub checkpoint: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
}

/// What a verification proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The last event.
    pub seq: u64,
    /// How many accounts there are.
    pub accounts_count: u64,
    /// The sum of all accounts, in minor units.
    pub sum: i128,
    /// The hash of the last seal, in hexadecimal digits.
    pub seal: String,
}
