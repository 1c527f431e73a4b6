//! What a search for the primary heard from each host, and what it comes to when none serves.

use std::fmt::Display;

use crate::error::{CheckFault, OpenError};
use crate::link::told;

/// What was heard so far.
#[derive(Default)]
pub(crate) struct Search {
    heard: Vec<String>,
    unfit: Option<CheckFault>,
    is_not_allowed: bool,
}

impl Search {
    /// A host does not serve, and says why or is found to be none that could.
    pub(crate) fn hear(&mut self, host: &str, said: impl Display) {
        self.heard.push(format!("{host} {said}"));
    }

    /// A host refused. Another one may be the primary all the same, and this one left behind.
    pub(crate) fn refused(&mut self, host: &str, error: OpenError) {
        self.heard.push(format!("{host}: {}", told(&error)));
        match error {
            OpenError::Check(fault) => self.unfit = Some(fault),
            OpenError::Database(error) => {
                // No such role, a wrong password, no such database: time mends none of them.
                let code = error.code().map_or("", |code| code.code());
                self.is_not_allowed |= code.starts_with("28") || code == "3D000";
            }
            OpenError::Address(_)
            | OpenError::Unreachable { .. }
            | OpenError::NotAllowed { .. } => {}
        }
    }

    /// None serves.
    pub(crate) fn end(self) -> OpenError {
        let told = self.heard.join("; ");
        match self.unfit {
            Some(fault) => fault.into(),
            None if self.is_not_allowed => OpenError::NotAllowed { told },
            None => OpenError::Unreachable { told },
        }
    }
}
