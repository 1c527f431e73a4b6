//! The one verification that may run, and what became of the last one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::facts::Proven;

/// How the last verification stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) started_at: Option<SystemTime>,
    /// The event that it has come to.
    pub(crate) seq: u64,
    pub(crate) ended: Option<(SystemTime, Result<Proven, String>)>,
}

/// Where it is kept. It outlives the thread that runs it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verification(Arc<Mutex<Standing>>);

impl Verification {
    /// Begins one on a thread of its own, unless one runs; says whether it did. A server that stops does
    /// not wait for it.
    pub(crate) fn begin(
        &self,
        verify: impl FnOnce(&dyn Fn(u64)) -> Result<Proven, String> + Send + 'static,
    ) -> std::io::Result<bool> {
        {
            let mut standing = self.lock();
            if standing.started_at.is_some() && standing.ended.is_none() {
                return Ok(false);
            }
            *standing = Standing { started_at: Some(SystemTime::now()), ..Standing::default() };
        }
        let ended = Ended(self.clone());
        let thread = std::thread::Builder::new().name("verification".to_owned());
        // A thread that does not begin drops `ended`, which says so.
        thread.spawn(move || {
            let proven = verify(&|seq| ended.0.lock().seq = seq);
            ended.0.lock().ended = Some((SystemTime::now(), proven));
        })?;
        Ok(true)
    }

    pub(crate) fn standing(&self) -> Standing {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        // What is in it is replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to it that a verification ends however its thread does.
struct Ended(Verification);

impl Drop for Ended {
    fn drop(&mut self) {
        let mut standing = self.0.lock();
        if standing.ended.is_none() {
            let broken = Err("the verification did not come to its end".to_owned());
            standing.ended = Some((SystemTime::now(), broken));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn one_runs_at_a_time_and_one_that_breaks_off_has_ended() {
        let verification = Verification::default();
        let (go, wait) = mpsc::channel::<()>();
        let began = verification.begin(move |tell| {
            tell(7);
            wait.recv().map_err(|error| error.to_string())?;
            panic!("on purpose");
        });
        assert!(began.unwrap());
        assert!(!verification.begin(|_| Err(String::new())).unwrap());
        go.send(()).unwrap();
        let ended = loop {
            if let Some((_, ended)) = verification.standing().ended {
                break ended;
            }
            std::thread::yield_now();
        };
        assert!(ended.unwrap_err().contains("did not come to its end"));
        assert_eq!(verification.standing().seq, 7);
        assert!(verification.begin(|_| Err("no".to_owned())).unwrap());
    }
}
