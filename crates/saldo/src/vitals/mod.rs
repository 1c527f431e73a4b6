//! What a server tells a monitor, read back: a page of metrics, and what lies between two of them.
//! Not here: how anything is fetched (`http`), what is made of it (`check`, `top`).

mod ask;
mod histogram;
mod page;
pub mod show;

pub use ask::{page, refusal};
pub use histogram::{Histogram, Quantile};
pub use page::Page;

/// How long the commits of a journal took, in seconds.
pub const COMMITS: &str = "saldo_journal_sync_duration_seconds";

/// How long requests took, in seconds.
pub const REQUESTS: &str = "saldo_request_duration_seconds";
