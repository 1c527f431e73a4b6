//! The locks of this crate, from one place, so that the schedule explorer can put its own here.

#[cfg(not(feature = "shuttle"))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};

/// Locks `mutex`. A lock is poisoned when a thread panicked while it changed what the lock
/// guards; serving half a change is worse than stopping, so this panics as well.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.lock() {
        Ok(guard) => guard,
        Err(_) => panic!("another thread panicked while it held this lock"),
    }
}
