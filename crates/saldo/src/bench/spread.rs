//! The middle of several runs, and how far they lie apart.

use serde::Serialize;

/// The median of several figures, the lowest and the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Half of them are at most this; of an even count the mean of the two in the middle.
    pub median: u64,
    /// The lowest.
    pub min: u64,
    /// The highest.
    pub max: u64,
}

impl Spread {
    /// Of these; all 0 of none.
    pub fn of(figures: impl IntoIterator<Item = u64>) -> Self {
        let mut sorted: Vec<u64> = figures.into_iter().collect();
        sorted.sort_unstable();
        let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
        let half = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            at(half)
        } else {
            at(half.saturating_sub(1)).midpoint(at(half))
        };
        Self { median, min: at(0), max: sorted.last().copied().unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_odd_and_of_an_even_count() {
        assert_eq!(Spread::of([9, 1, 5]), Spread { median: 5, min: 1, max: 9 });
        assert_eq!(Spread::of([4, 9, 1, 5]), Spread { median: 4, min: 1, max: 9 });
        assert_eq!(Spread::of([8]), Spread { median: 8, min: 8, max: 8 });
        assert_eq!(Spread::of([]), Spread::default());
    }
}
