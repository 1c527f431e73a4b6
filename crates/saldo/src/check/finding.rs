//! How an item was found.

use super::item::{Bad, Item};

/// How well something is, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    Ok,
    /// It could not be found out.
    Unknown,
    /// Somebody should look at it.
    Warning,
    /// Somebody must look at it at once.
    Critical,
}

impl Status {
    /// As monitors number them, which is not their order.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// An item, how it is, and against what it was held.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which.
    pub item: Item,
    /// How it is.
    pub status: Status,
    /// What was measured, in the unit of the item; `None`: nothing.
    pub value: Option<f64>,
    /// From where on it is a warning, in the unit of the item.
    pub warn: Option<f64>,
    /// From where on it is critical.
    pub crit: Option<f64>,
    /// The largest value that there can be.
    pub max: Option<f64>,
    /// For people.
    pub text: String,
}

impl Finding {
    /// Nothing was measured.
    pub fn said(item: Item, status: Status, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { item, status, value: None, warn: None, crit: None, max: None, text }
    }

    /// With what was measured, where that has no thresholds.
    pub fn measured(self, value: f64) -> Self {
        Self { value: Some(value), ..self }
    }

    /// Held against its thresholds, which are in the unit of the item.
    pub fn held(
        item: Item,
        value: f64,
        (warn, crit): (Option<f64>, Option<f64>),
        text: String,
    ) -> Self {
        let is_beyond = |bound: Option<f64>| {
            bound.is_some_and(|bound| match item.bad() {
                Bad::High => value > bound,
                Bad::Low => value < bound,
                Bad::Never => false,
            })
        };
        let status = if value.is_nan() {
            Status::Unknown
        } else if is_beyond(crit) {
            Status::Critical
        } else if is_beyond(warn) {
            Status::Warning
        } else {
            Status::Ok
        };
        Self { item, status, value: Some(value), warn, crit, max: None, text }
    }
}
