//! The place of an event in the one order.

use std::fmt;

/// An event's place in the one order of all events: from 1, without gaps.
/// `Seq::ZERO` stands before the first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// The place with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next place. At a billion events a second the numbers last 584 years.
    pub const fn next(self) -> Self {
        match self.checked_next() {
            Some(next) => next,
            None => panic!("the sequence of events is exhausted"),
        }
    }

    /// The next place; `None` behind the last number, which only damaged bytes name.
    pub const fn checked_next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
