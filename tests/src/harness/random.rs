//! Random numbers that a seed repeats: SplitMix64.
//! Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.

/// A generator.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    /// From the clock. The seed is printed, and shown when the test fails.
    pub fn from_clock() -> Self {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap();
        let seed = u64::from(since.subsec_nanos()) ^ (since.as_secs() << 30);
        println!("seed {seed}");
        Self::new(seed)
    }

    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another generator, which follows from this one.
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is above zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Whether a thing happens that happens `percent` times of 100.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        let place = self.below(of.len() as u64);
        &of[usize::try_from(place).unwrap()]
    }
}
