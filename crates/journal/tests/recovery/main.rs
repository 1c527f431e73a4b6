//! What recovery makes of a folder: intact, torn by a crash, or damaged.

mod ahead;
mod between;
mod book;
mod classify;
mod edits;
mod failed_sync;
mod layout;
mod patched;
mod whole_end;
