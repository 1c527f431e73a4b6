//! Rows that are under way at once.

use super::source::Item;

/// Most rows.
pub const ROWS_MAX: usize = 512;

/// Accounts behind which a window is full: an `init` may name a hundred thousand, and what is under
/// way stands in memory here and in the server.
const ACCOUNTS_MAX: usize = 10_000;

/// Rows that wait to go together.
pub struct Window {
    items: Vec<Item>,
    accounts_count: usize,
    rows_max: usize,
}

impl Window {
    /// An empty one for at most so many rows.
    pub fn new(rows_max: usize) -> Self {
        Self { items: Vec::with_capacity(rows_max), accounts_count: 0, rows_max }
    }

    /// Adds a row; returns whether the window is full.
    pub fn add(&mut self, item: Item) -> bool {
        self.accounts_count += item.command.accounts_count();
        self.items.push(item);
        self.items.len() >= self.rows_max || self.accounts_count >= ACCOUNTS_MAX
    }

    /// Takes all rows out.
    pub fn take(&mut self) -> Vec<Item> {
        self.accounts_count = 0;
        std::mem::take(&mut self.items)
    }
}
