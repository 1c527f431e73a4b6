//! Values that stand in files, and where each value of this run came from.
//!
//! Each key takes the first of: flag, environment, the file that `--config` or `SALDO_CONFIG` names,
//! the person's file, the machine's file, default. What a key is comes from the parser's own
//! definition (`known`); a file is read into keys (`file`), files lie one over the other (`layers`),
//! and what they say goes below the environment into the parser (`feed`).
//! Not here: settings that are read by hand, one at a time (`setting`), which look into these files.
//!
//! **Invariant:** an unknown key is an error, never a value that is passed over.

pub mod check;
mod feed;
mod file;
mod known;
mod layers;
pub mod show;

use std::sync::OnceLock;

pub use feed::{Stop, parse};
pub use layers::{Given, Layers, Place};

/// The files of this run, read once.
static LAYERS: OnceLock<Layers> = OnceLock::new();

/// What the files say, once they were read; nothing before that.
pub fn layers() -> Option<&'static Layers> {
    LAYERS.get()
}

/// What the files say about the setting that this variable stands for.
pub fn given(variable: &str) -> Option<&'static Given> {
    layers()?.get(&known::key_of(variable)?)
}

/// Makes these files the ones of this run. Called twice, the first stay.
fn keep(layers: Layers) -> &'static Layers {
    LAYERS.get_or_init(|| layers)
}
