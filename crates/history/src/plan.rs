//! Which runs are merged, and when.
//!
//! A run's size is what its events weigh: their number, unless they change or open very many accounts.
//! Its class is how often its size is `fan_in` times that of a full run from memory, rounded;
//! everything smaller is of class 0, such as the many tiny runs that many restarts leave behind. As
//! soon as the newest `fan_in` runs are of one class or smaller, they become one run, if that is of
//! a higher class than each of them, or if all are of class 0. So an event is written at most once
//! per class above the lowest. Where large and small runs alternate, that may leave too many: as
//! soon as there are more than `4 * fan_in`, the newest are merged whatever their classes.

use crate::Options;

/// Most events in a run, so that a seq counted from its first fits in 32 bits with room to spare.
pub(crate) const RUN_EVENTS_MAX: u64 = 1 << 30;

/// How many of the newest runs are merged now, given the sizes of each in events, oldest first; `None`:
/// none are.
pub(crate) fn due(events: &[u64], options: &Options) -> Option<usize> {
    let fan_in = options.merge_fan_in.max(2);
    // A merge takes fewer than twice as many runs as the fan-in: one that is larger than this
    // stays as it is, for otherwise the result could be too long.
    let events_max = RUN_EVENTS_MAX / (2 * fan_in as u64);
    let newest: Vec<(u64, u32)> = events
        .iter()
        .rev()
        .take_while(|events| **events <= events_max)
        .map(|events| (*events, class(*events, options)))
        .collect();
    let class_max = newest.iter().map(|(_, class)| *class).max()?;
    if newest.len() > 4 * fan_in {
        return Some(2 * fan_in - 1);
    }
    (0..=class_max).find_map(|bound| {
        let suffix = newest.iter().take_while(|(_, class)| *class <= bound).take(2 * fan_in - 1);
        let count = suffix.clone().count();
        let highest = suffix.clone().map(|(_, class)| *class).max()?;
        let merged = class(suffix.map(|(events, _)| *events).sum(), options);
        (count >= fan_in && (highest == 0 || merged > highest)).then_some(count)
    })
}

/// The class of a run of `events` events.
fn class(events: u64, options: &Options) -> u32 {
    let fan_in = options.merge_fan_in.max(2) as u128;
    let full = u128::from(options.run_events.max(1) as u64);
    // Rounded: class c ends at full * fan_in^(c + 1/2), here squared.
    let square = u128::from(events) * u128::from(events);
    let mut end = full * full * fan_in;
    let mut class = 0;
    while square > end {
        end = end.saturating_mul(fan_in * fan_in);
        class += 1;
    }
    class
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(merge_fan_in: usize) -> Options {
        Options { run_events: 100, merge_fan_in, ..Options::default() }
    }

    /// Runs after `count` runs of `events` events each, with all merges done, and how many events
    /// were written in all.
    fn after(fan_in: usize, count: usize, events: impl Fn(usize) -> u64) -> (Vec<u64>, u64) {
        let options = options(fan_in);
        let (mut runs, mut written) = (Vec::new(), 0);
        for number in 0..count {
            runs.push(events(number));
            written += events(number);
            while let Some(count) = due(&runs, &options) {
                let merged = runs.split_off(runs.len() - count).iter().sum();
                runs.push(merged);
                written += merged;
            }
        }
        (runs, written)
    }

    #[test]
    fn full_runs_become_few_and_each_event_is_written_once_per_class() {
        let (runs, written) = after(8, 4_096, |_| 104);
        assert!(runs.len() <= 4 * 7, "{runs:?}");
        assert!(runs.is_sorted_by(|one, other| one >= other), "{runs:?}");
        // Once from memory, and once into each of the classes 1 to 4.
        assert!(written <= 4_096 * 104 * 5, "{written}");
    }

    #[test]
    fn tiny_runs_of_many_restarts_are_merged_too() {
        let (runs, _) = after(8, 1_000, |number| if number % 50 == 0 { 100 } else { 1 });
        assert!(runs.len() <= 3 * 7, "{runs:?}");
    }

    #[test]
    fn large_and_small_runs_in_turn_do_not_pile_up() {
        for fan_in in 2..9 {
            let size = |number: usize| if number.is_multiple_of(2) { 700 } else { 100 };
            let (runs, written) = after(fan_in, 1_000, size);
            assert!(runs.len() <= 4 * fan_in, "{fan_in}: {runs:?}");
            // Once from memory, and once into each class: of a fan-in of 2 there are twelve.
            assert!(written <= 400_000 * 13, "{fan_in}: {written}");
        }
    }

    #[test]
    fn a_run_never_grows_beyond_its_bound() {
        let (runs, _) = after(8, 300, |_| RUN_EVENTS_MAX / 16);
        assert!(runs.iter().all(|events| *events <= RUN_EVENTS_MAX), "{runs:?}");
        assert_eq!(due(&[RUN_EVENTS_MAX; 20], &options(8)), None);
    }

    #[test]
    fn a_class_ends_half_way_to_the_next() {
        let classes =
            [1, 100, 282, 283, 800, 2_262, 2_263].map(|events| class(events, &options(8)));
        assert_eq!(classes, [0, 0, 0, 1, 1, 1, 2]);
    }
}
