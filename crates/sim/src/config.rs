//! What a run may do.

use engine::embedded::Options;
use journal::{Currency, Genesis, LedgerId, Plants, Sizes, Workers};

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
    /// The engine's options of a run: sizes so small that groups, files, padding and runs of the
    /// index end all the time, and recent tx_ids have no room.
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
        options.workers = Workers::NONE;
        let few = |random: &mut Random, most| usize::try_from(random.between(1, most)).unwrap_or(1);
        let chunk_events = few(random, 4);
        options.index = history::Options {
            chunk_events,
            run_events: chunk_events * few(random, 3),
            merge_fan_in: 1 + few(random, 2),
            filter_bytes_max: 1 << 10,
        };
        options.recent_slots = 8 * few(random, 4);
        options.index_lag_events_max = random.between(8, 64);
        options
    }
}
