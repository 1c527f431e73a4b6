//! Keeps a repeated warning to one line a second.

use std::time::Duration;

use tokio::time::Instant;

/// How often the same warning may be written.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts what happens often, and says when it may be spoken of.
#[derive(Default)]
pub(crate) struct Throttle {
    spoke: Option<Instant>,
    unspoken: u64,
}

impl Throttle {
    /// Counts one more. Returns how many there were since the last word, this one included, when a
    /// second has passed since then.
    pub(crate) fn count(&mut self) -> Option<u64> {
        self.unspoken += 1;
        let now = Instant::now();
        if self.spoke.is_some_and(|spoke| now.duration_since(spoke) < PAUSE) {
            return None;
        }
        self.spoke = Some(now);
        Some(std::mem::take(&mut self.unspoken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_happens_often_is_spoken_of_once_a_second_with_its_count() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.count(), Some(1));
        assert_eq!(throttle.count(), None);
        tokio::time::advance(PAUSE / 2).await;
        assert_eq!(throttle.count(), None);
        tokio::time::advance(PAUSE / 2).await;
        assert_eq!(throttle.count(), Some(3));
        assert_eq!(throttle.count(), None);
    }
}
