//! What is known of a server that is watched: the last figures, the last minutes, and whether it
//! answers.

use std::collections::VecDeque;

use super::figures::{Interval, Moment, Reading, interval, is_another_process, moment};

/// How many intervals are remembered.
pub const HISTORY_MAX: usize = 600;

/// For how many pages it is told that the server was found again.
pub const PAGES_TO_TELL: u32 = 5;

/// A server that is watched.
#[derive(Debug, Default)]
pub struct Watch {
    /// The last page, shown or not.
    pub last: Option<Reading>,
    /// Of the last page.
    pub moment: Option<Moment>,
    /// Between the last two pages.
    pub interval: Option<Interval>,
    /// Events per second of each interval, the oldest first; `None` where nothing was told.
    pub history: VecDeque<Option<f64>>,
    /// Whether the server answers.
    pub contact: Contact,
    /// Whether what is shown stays as it is.
    pub is_paused: bool,
}

/// Whether a server answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Contact {
    /// Nobody has heard of it.
    #[default]
    None,
    /// It does.
    Live,
    /// It does again.
    Found {
        /// Whether it is another process than before.
        is_new: bool,
        /// For how many pages more this is told.
        pages_left: u32,
    },
    /// It does not.
    Lost {
        /// How many times it was asked in vain.
        times: u32,
        /// Why, in words.
        why: String,
    },
}

impl Watch {
    /// Takes the next page, or that there is none.
    pub fn take(&mut self, read: Result<Reading, String>) {
        match read {
            Ok(reading) => self.found(reading),
            Err(why) => {
                let times = match &self.contact {
                    Contact::Lost { times, .. } => times.saturating_add(1),
                    Contact::None | Contact::Live | Contact::Found { .. } => 1,
                };
                self.contact = Contact::Lost { times, why };
                self.interval = None;
                self.remember(None);
            }
        }
    }

    fn found(&mut self, reading: Reading) {
        let is_new =
            self.last.as_ref().is_some_and(|earlier| is_another_process(earlier, &reading));
        self.contact = match (&self.contact, is_new) {
            (Contact::None, _) => Contact::Live,
            (Contact::Lost { .. }, _) if self.last.is_none() => Contact::Live,
            (Contact::Lost { .. }, is_new) | (_, is_new @ true) => {
                Contact::Found { is_new, pages_left: PAGES_TO_TELL }
            }
            (Contact::Found { is_new, pages_left: 2.. }, false) => {
                let Contact::Found { pages_left, .. } = self.contact else { return };
                Contact::Found { is_new: *is_new, pages_left: pages_left - 1 }
            }
            (Contact::Live | Contact::Found { .. }, false) => Contact::Live,
        };
        if !self.is_paused {
            // An interval in which the server was away says nothing about it.
            let between = self.last.as_ref().and_then(|earlier| interval(earlier, &reading));
            if let Some(between) = &between {
                self.remember(between.events);
            }
            self.interval = between;
            self.moment = Some(moment(&reading));
        }
        self.last = Some(reading);
    }

    fn remember(&mut self, events: Option<f64>) {
        if self.is_paused {
            return;
        }
        if self.history.len() >= HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back(events);
    }

    /// The last minutes in at most `width` values, the newest last: the mean of the intervals that share
    /// one; and how many intervals share one.
    pub fn curve(&self, width: usize) -> (Vec<Option<f64>>, usize) {
        let share = self.history.len().div_ceil(width.max(1)).max(1);
        let mut newest: Vec<Option<f64>> = self.history.iter().rev().copied().collect();
        let mut curve: Vec<Option<f64>> = newest
            .chunks_mut(share)
            .map(|chunk| {
                let told: Vec<f64> = chunk.iter().copied().flatten().collect();
                let count = f64::from(u32::try_from(told.len()).unwrap_or(u32::MAX));
                (!told.is_empty()).then(|| told.iter().sum::<f64>() / count)
            })
            .collect();
        curve.reverse();
        (curve, share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vitals::Page;

    fn reading(at: f64, start: u32, seq: u32) -> Result<Reading, String> {
        let text =
            format!("process_start_time_seconds {start}\nsaldo_journal_seq_durable {seq}\n# EOF\n");
        Ok(Reading { page: Page::parse(&text).unwrap(), at, wall: at })
    }

    fn lost() -> Result<Reading, String> {
        Err("connection refused".to_owned())
    }

    #[test]
    fn a_server_is_lost_and_found_again_and_both_are_told() {
        let mut watch = Watch::default();
        watch.take(lost());
        watch.take(reading(1.0, 5, 10));
        assert_eq!(watch.contact, Contact::Live, "what was never there is not found again");
        watch.take(reading(2.0, 5, 30));
        assert_eq!(watch.interval.as_ref().unwrap().events, Some(20.0));
        watch.take(lost());
        watch.take(lost());
        let why = "connection refused".to_owned();
        assert_eq!(watch.contact, Contact::Lost { times: 2, why });
        assert!(watch.interval.is_none(), "no rate is shown of a server that is away");
        watch.take(reading(5.0, 5, 60));
        assert!(matches!(watch.contact, Contact::Found { is_new: false, .. }));
        assert_eq!(watch.interval.as_ref().unwrap().events, Some(10.0), "by the time that passed");
        for at in [6.0, 7.0, 8.0, 9.0, 10.0] {
            watch.take(reading(at, 5, 60));
        }
        assert_eq!(watch.contact, Contact::Live);
    }

    #[test]
    fn a_server_that_was_started_again_is_told_and_has_no_rate_yet() {
        let mut watch = Watch::default();
        watch.take(reading(1.0, 5, 10));
        watch.take(reading(2.0, 6, 10));
        assert!(matches!(watch.contact, Contact::Found { is_new: true, .. }));
        assert!(watch.interval.is_none());
        watch.take(reading(3.0, 6, 11));
        assert_eq!(watch.interval.as_ref().unwrap().events, Some(1.0));
    }

    #[test]
    fn a_pause_keeps_the_figures_and_the_next_rate_is_of_its_own_interval() {
        let mut watch = Watch::default();
        watch.take(reading(1.0, 5, 10));
        watch.take(reading(2.0, 5, 20));
        watch.is_paused = true;
        watch.take(reading(3.0, 5, 1_000));
        assert_eq!(watch.moment.as_ref().unwrap().seq_durable, Some(20.0));
        assert_eq!(watch.history.len(), 1);
        watch.is_paused = false;
        watch.take(reading(4.0, 5, 1_007));
        assert_eq!(watch.interval.as_ref().unwrap().events, Some(7.0));
    }

    #[test]
    fn the_curve_has_the_last_minutes_in_its_width() {
        let mut watch = Watch::default();
        for number in 1..=10_u32 {
            watch.remember((number != 10).then(|| f64::from(number)));
        }
        assert_eq!(watch.curve(10).1, 1);
        let (curve, share) = watch.curve(4);
        assert_eq!((curve, share), (vec![Some(1.0), Some(3.0), Some(6.0), Some(8.5)], 3));
        for number in 0..10_000 {
            watch.remember(Some(f64::from(number)));
        }
        assert_eq!(watch.history.len(), HISTORY_MAX);
        assert!(watch.curve(0).0.len() == 1 && watch.curve(80).0.len() <= 80);
    }
}
