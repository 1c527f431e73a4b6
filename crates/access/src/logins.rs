//! Log-ins with a password: how many at once, and how many that fail.
//!
//! **Invariant:** a try counts before its password is looked at, so that many at once are no more
//! than many in a row.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most passwords that are looked at at the same time: each takes 19 MiB and a core.
pub const LOGINS_AT_ONCE: usize = 2;

/// So many failures in a row lock a name.
const FAILURES_MAX: u32 = 10;
/// For so long it is locked, and for so long a failure is remembered.
const LOCK_US: u64 = 30 * 60 * 1_000_000;
/// What is told to one more try while ten are under way.
const PAUSE_US: u64 = 1_000_000;
/// Most names of nobody that are remembered.
const STRANGERS_MAX: usize = 4_096;

/// Leave to look at one password. Dropped, the next may.
#[derive(Debug)]
pub struct LoginPermit(Arc<AtomicUsize>);

impl LoginPermit {
    /// `None` when [`LOGINS_AT_ONCE`] are under way.
    pub(crate) fn take(under_way: &Arc<AtomicUsize>) -> Option<Self> {
        let more = |count: usize| count.checked_add(1).filter(|count| *count <= LOGINS_AT_ONCE);
        under_way.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Self(under_way.clone()))
    }
}

impl Drop for LoginPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What is remembered of one name.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    under_way: u32,
    failures: u32,
    last_us: u64,
    locked_until_us: u64,
}

impl Tries {
    fn is_forgotten(&self, now_us: u64) -> bool {
        self.under_way == 0 && self.last_us.saturating_add(LOCK_US) <= now_us
    }
}

/// The failures of all names. Users have a place each; names of nobody share a few, so that a flood of
/// them pushes out no user.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    users: Mutex<HashMap<String, Tries>>,
    strangers: Mutex<HashMap<String, Tries>>,
}

impl Failures {
    fn of(&self, is_user: bool) -> MutexGuard<'_, HashMap<String, Tries>> {
        let names = if is_user { &self.users } else { &self.strangers };
        names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a try. Errors: until when the name is locked, in microseconds since the Unix epoch.
    pub(crate) fn begin(&self, name: &str, is_user: bool, now_us: u64) -> Result<(), u64> {
        let mut names = self.of(is_user);
        if !is_user && names.len() >= STRANGERS_MAX && !names.contains_key(name) {
            names.retain(|_, tries| !tries.is_forgotten(now_us));
            if names.len() >= STRANGERS_MAX {
                // Nobody can be let in by these names: to forget them is no risk.
                names.clear();
            }
        }
        let tries = names.entry(name.to_owned()).or_default();
        if tries.locked_until_us > now_us {
            return Err(tries.locked_until_us);
        }
        if tries.is_forgotten(now_us) {
            *tries = Tries::default();
        }
        if tries.failures.saturating_add(tries.under_way) >= FAILURES_MAX {
            return Err(now_us.saturating_add(PAUSE_US));
        }
        tries.under_way = tries.under_way.saturating_add(1);
        tries.last_us = now_us;
        Ok(())
    }

    /// Ends a try. Returns whether the name is locked from here on.
    pub(crate) fn end(&self, name: &str, is_user: bool, is_right: bool, now_us: u64) -> bool {
        let mut names = self.of(is_user);
        let tries = names.entry(name.to_owned()).or_default();
        tries.under_way = tries.under_way.saturating_sub(1);
        tries.last_us = now_us;
        if is_right {
            tries.failures = 0;
            return false;
        }
        tries.failures = tries.failures.saturating_add(1);
        let locks = tries.failures >= FAILURES_MAX;
        if locks {
            tries.failures = 0;
            tries.locked_until_us = now_us.saturating_add(LOCK_US);
        }
        locks
    }

    /// Whether a user is locked.
    pub(crate) fn is_locked(&self, user: &str, now_us: u64) -> bool {
        self.of(true).get(user).is_some_and(|tries| tries.locked_until_us > now_us)
    }

    /// Forgets everything about users but those that `is_same` names: who is gone, and who has another
    /// password, which ends a lock.
    pub(crate) fn keep(&self, is_same: impl Fn(&str) -> bool) {
        self.of(true).retain(|name, tries| tries.under_way > 0 || is_same(name));
    }
}
