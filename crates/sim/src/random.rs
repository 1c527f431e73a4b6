//! The generator behind every choice of a run: a seed gives the same run for ever.

/// `SplitMix64`, after G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014. Small and even; never for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Any number: also the seed of something else.
    pub(crate) fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`, both included. For the small ranges of a simulation the
    /// remainder is even enough.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        assert!(least <= most, "an empty range");
        least + self.number() % (most - least + 1)
    }

    /// True `chance` times in `of`.
    pub(crate) fn happens(&mut self, chance: u64, of: u64) -> bool {
        self.number() % of < chance
    }

    /// One of `items`; `None` when there are none.
    pub(crate) fn pick<'i, T>(&mut self, items: &'i [T]) -> Option<&'i T> {
        let last = items.len().checked_sub(1)?;
        items.get(usize::try_from(self.between(0, last as u64)).unwrap_or(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_generator() {
        // The test values of Rosetta Code, task "Pseudo-random numbers/Splitmix64".
        let mut random = Random::new(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| random.number()).collect();
        assert_eq!(
            drawn,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn a_range_is_reached_to_both_its_ends_and_not_beyond() {
        let mut random = Random::new(0);
        let drawn: Vec<u64> = (0..1_000).map(|_| random.between(3, 6)).collect();
        for number in 3..=6 {
            assert!(drawn.contains(&number));
        }
        assert!(drawn.iter().all(|number| (3..=6).contains(number)));
        assert_eq!(random.pick(&[] as &[u8]), None);
    }
}
