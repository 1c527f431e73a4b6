//! What a run may do.

use engine::embedded::Options;
use journal::{Currency, Genesis, LedgerId, Plants, Sizes};

use crate::random::Random;

/// How long a run is and what is planted in it. Everything else follows from the seed.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Steps of all lives of the server together.
    pub steps: u64,
    /// A fault planted in the engine or the journal, which the run must then notice.
    pub plants: Plants,
}

impl Default for Config {
    fn default() -> Self {
        Self { steps: 100, plants: Plants::default() }
    }
}

impl Config {
    /// The engine's options of a run: sizes so small that groups, files and padding end all the
    /// time.
    pub(crate) fn options(self, random: &mut Random) -> Options {
        let pad_step_bytes_min = random.between(256, 2_048);
        let sizes = Sizes {
            group_bytes_max: usize::try_from(random.between(400, 2_000)).unwrap_or(400),
            segment_bytes_max: random.between(2_048, 6_144),
            pad_step_bytes_min,
            pad_step_bytes_max: pad_step_bytes_min + random.between(0, 2_048),
        };
        let ledger = LedgerId(u128::from(random.number()));
        let currency = Currency::new("BRL");
        let currency = currency.unwrap_or_else(|| unreachable!("three upper-case letters"));
        let mut options = Options::new(Genesis { ledger, currency });
        options.sizes = sizes;
        options.plants = self.plants;
        options
    }
}
