//! The generator behind every choice of the simulated disk: a seed gives the same run for ever.

/// `SplitMix64`, after G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014. Small and even; never for secrets.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is above zero. For the small bounds of a simulation the
    /// remainder is even enough.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let bound_wide = bound as u64;
        usize::try_from(self.next() % bound_wide).unwrap_or(bound - 1)
    }

    /// True `chance` times in `of`.
    pub(super) fn happens(&mut self, chance: usize, of: usize) -> bool {
        self.below(of) < chance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_generator() {
        // The test values of Rosetta Code, task "Pseudo-random numbers/Splitmix64".
        let mut random = Random::new(1_234_567);
        let drawn: Vec<u64> = (0..5).map(|_| random.next()).collect();
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
    }

    #[test]
    fn a_draw_stays_below_its_bound_and_reaches_all_of_it() {
        let mut random = Random::new(0);
        let mut seen = [false; 7];
        for _ in 0..1_000 {
            seen[random.below(7)] = true;
        }
        assert_eq!(seen, [true; 7]);
    }
}
