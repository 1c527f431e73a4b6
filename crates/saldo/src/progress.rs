//! When a long run shows how far it is. Not here: how that looks (`bulk`, `bench`).

use clap::ValueEnum;

use crate::failure::Failure;
use crate::setting::Setting;

/// When to show progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// A bar on a terminal, a line every 5 s elsewhere, nothing with -q
    Auto,
    /// With -q as well
    Always,
    /// Not at all
    Never,
}

/// The flag of verbs that work through many things.
#[derive(Debug, clap::Args)]
pub struct ProgressArgs {
    /// When to show progress on stderr: auto, always or never [env: SALDO_PROGRESS]
    #[arg(long, value_name = "WHEN", help_heading = "Output", hide_possible_values = true)]
    progress: Option<When>,
}

impl When {
    /// What is said about a word that is none.
    pub const NEEDED: &'static str = "it can be auto, always or never";

    /// Whether nothing is shown. `is_quiet`: this run was asked to say little.
    pub fn is_hidden(self, is_quiet: bool) -> bool {
        match self {
            Self::Auto => is_quiet,
            Self::Always => false,
            Self::Never => true,
        }
    }
}

impl ProgressArgs {
    /// The flag comes first, then `SALDO_PROGRESS`. Errors: that names none.
    pub fn resolve(&self) -> Result<When, Failure> {
        if let Some(when) = self.progress {
            return Ok(when);
        }
        let setting = Setting::pick(("--progress", None), "SALDO_PROGRESS", "auto")?;
        When::from_str(&setting.value, false).map_err(|_| setting.refuse(When::NEEDED))
    }
}
