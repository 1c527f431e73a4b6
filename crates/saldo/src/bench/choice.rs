//! Which account is next: all alike, by Zipf's law, or one of them more often than the others.

use std::sync::Arc;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Zipf};

use super::Load;

/// How often which account is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dist {
    /// All alike.
    Uniform,
    /// The k-th most frequent in proportion to 1 / k^skew.
    Zipf {
        /// The exponent: 0 is uniform, 0.99 is what stores are usually measured with.
        skew: f64,
    },
}

/// Fewest and most draws that are made ahead for a skewed choice. A draw takes a power and two
/// logarithms, so that drawing per request would cost more than all the rest of a request.
const DRAWS_MIN: usize = 1 << 16;
const DRAWS_MAX: usize = 1 << 22;

/// Chooses among things numbered from 0. Clones share what is large.
#[derive(Clone, Debug)]
pub struct Choice {
    count: u64,
    hot_percent: u64,
    /// Draws made ahead; a power of two of them. `None`: all alike.
    draws: Option<Arc<[u32]>>,
}

/// The skew is none that a choice could follow: below zero, or no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSkew;

impl Choice {
    /// Among `count` things, at least 2, in the manner and from the seed of the load.
    pub fn new(load: &Load, count: u32) -> Result<Self, NoSkew> {
        let draws = match load.dist {
            Dist::Uniform => None,
            Dist::Zipf { skew } => Some(draw_ahead(count, skew, load.seed)?),
        };
        Ok(Self { count: u64::from(count), hot_percent: u64::from(load.hot_percent), draws })
    }

    /// One of them. The hot one is number 0.
    pub fn one(&self, random: &mut Xoshiro256PlusPlus) -> u32 {
        if self.is_hot(random) { 0 } else { self.draw(random) }
    }

    /// Two different ones: who pays and who receives. The hot one only receives.
    #[inline]
    pub fn pair(&self, random: &mut Xoshiro256PlusPlus) -> (u32, u32) {
        if self.is_hot(random) {
            return (1 + self.other(random), 0);
        }
        let first = self.draw(random);
        if self.draws.is_none() {
            let second = self.other(random);
            return (first, if second < first { second } else { second + 1 });
        }
        let second = self.draw(random);
        if second != first {
            return (first, second);
        }
        let next = u64::from(second) + 1;
        (first, if next < self.count { small(next) } else { 0 })
    }

    fn is_hot(&self, random: &mut Xoshiro256PlusPlus) -> bool {
        self.hot_percent > 0 && below(random.next_u64() >> 32, 100) < self.hot_percent
    }

    fn draw(&self, random: &mut Xoshiro256PlusPlus) -> u32 {
        let chance = random.next_u64() >> 32;
        match &self.draws {
            None => small(below(chance, self.count)),
            Some(draws) => {
                let place = below(chance, draws.len() as u64);
                draws.get(usize::try_from(place).unwrap_or_default()).copied().unwrap_or_default()
            }
        }
    }

    /// One of all but one.
    fn other(&self, random: &mut Xoshiro256PlusPlus) -> u32 {
        small(below(random.next_u64() >> 32, self.count - 1))
    }
}

/// Maps 32 bits of chance to a number below `bound`, which is below 2^32. The lower numbers are
/// likelier by less than `bound` in 2^32, which no load test notices.
pub fn below(chance: u64, bound: u64) -> u64 {
    (chance * bound) >> 32
}

/// The draws, with the ranks spread over the numbers: accounts that are used together must not also
/// be neighbours in the server's memory.
fn draw_ahead(count: u32, skew: f64, seed: u64) -> Result<Arc<[u32]>, NoSkew> {
    let zipf = Zipf::new(f64::from(count), skew).map_err(|_| NoSkew)?;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut places: Vec<u32> = (0..count).collect();
    for last in (1..places.len()).rev() {
        let other = below(random.next_u64() >> 32, last as u64 + 1);
        places.swap(last, usize::try_from(other).unwrap_or_default());
    }
    let wanted = usize::try_from(count).unwrap_or(DRAWS_MAX).saturating_mul(4);
    let draws = wanted.next_power_of_two().clamp(DRAWS_MIN, DRAWS_MAX);
    Ok((0..draws).map(|_| place(&places, zipf.sample(&mut random))).collect())
}

/// The number at a rank, which counts from 1.
fn place(places: &[u32], rank: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is a whole number from 1 to the count, which is a u32"
    )]
    let index = (rank as usize).saturating_sub(1);
    places.get(index).copied().unwrap_or_default()
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workload::Workload;

    fn choice(dist: Dist, hot_percent: u32, count: u32) -> Choice {
        let load = Load { dist, hot_percent, ..Load::of(Workload::Transfer, count) };
        Choice::new(&load, count).unwrap()
    }

    fn counts(choice: &Choice, count: usize) -> Vec<u64> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut counts = vec![0; count];
        for _ in 0..100_000 {
            counts[choice.one(&mut random) as usize] += 1;
        }
        counts.sort_unstable_by(|one, other| other.cmp(one));
        counts
    }

    #[test]
    fn a_uniform_choice_takes_all_alike() {
        let counts = counts(&choice(Dist::Uniform, 0, 100), 100);
        assert!(counts[0] < 1_200 && counts[99] > 800, "{counts:?}");
    }

    #[test]
    fn a_skewed_choice_follows_the_law_of_zipf() {
        let counts = counts(&choice(Dist::Zipf { skew: 1.0 }, 0, 1_000), 1_000);
        // The sum of 1/k up to 1,000 is 7.485: of 100,000 the first gets 13,360, the tenth 1,336.
        assert!((12_800..13_900).contains(&counts[0]), "{}", counts[0]);
        assert!((6_300..7_100).contains(&counts[1]), "{}", counts[1]);
        assert!((1_150..1_550).contains(&counts[9]), "{}", counts[9]);
    }

    #[test]
    fn the_most_frequent_of_a_skewed_choice_are_not_neighbours() {
        let choice = choice(Dist::Zipf { skew: 1.0 }, 0, 1_000);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        let low = (0..10_000).filter(|_| choice.one(&mut random) < 10).count();
        assert!(low < 3_000, "the first ten places got {low} of 10,000");
    }

    #[test]
    fn two_that_are_chosen_together_differ_whatever_the_manner() {
        for dist in [Dist::Uniform, Dist::Zipf { skew: 3.0 }] {
            for hot_percent in [0, 50, 100] {
                for count in [2, 3, 100] {
                    let choice = choice(dist, hot_percent, count);
                    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
                    for _ in 0..1_000 {
                        let (from, to) = choice.pair(&mut random);
                        assert!(from != to && from < count && to < count, "{from} {to}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_hot_one_is_chosen_as_often_as_asked_and_never_pays_itself() {
        let into_hot = |percent| {
            let choice = choice(Dist::Uniform, percent, 1_000);
            let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
            (0..10_000).filter(|_| choice.pair(&mut random).1 == 0).count()
        };
        assert_eq!(into_hot(100), 10_000);
        assert!((4_700..5_300).contains(&into_hot(50)), "{}", into_hot(50));
        assert!(into_hot(0) < 50);
    }

    #[test]
    fn a_skew_that_is_no_number_is_refused() {
        for skew in [-1.0, f64::NAN] {
            let load = Load { dist: Dist::Zipf { skew }, ..Load::of(Workload::Transfer, 10) };
            assert_eq!(Choice::new(&load, 10).err(), Some(NoSkew), "{skew}");
        }
    }
}
