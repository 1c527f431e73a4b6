//! A few threads that read from the disk, so that who waits for a page of history holds up nobody
//! else. Recalls have threads of their own: a write waits for one, and must not wait for a page.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{Semaphore, oneshot};

/// Threads that read, of each kind.
const THREADS: usize = 2;

/// Readings of one kind under way or waiting for a thread; who comes then waits to be let in.
const READINGS_MAX: usize = 256;

type Job = Box<dyn FnOnce() + Send>;

/// The readers, by what they read.
pub(super) struct Readers {
    /// Answers to questions about history.
    pub(super) pages: Lane,
    /// What stands under tx_ids that were used.
    pub(super) recalls: Lane,
}

/// Threads that read one kind of thing, and the way to them.
pub(super) struct Lane {
    /// `None` once they were told to stop.
    jobs: Mutex<Option<SyncSender<Job>>>,
    places: Semaphore,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// The readers have stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stopped;

impl Readers {
    pub(super) fn start() -> Self {
        Self { pages: Lane::start("reader"), recalls: Lane::start("recaller") }
    }

    /// Ends the threads once what they were given is done.
    pub(super) fn stop(&self) {
        self.pages.stop();
        self.recalls.stop();
    }
}

impl Lane {
    fn start(name: &str) -> Self {
        let (sender, receiver) = sync_channel(READINGS_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = (0..THREADS).map(|_| {
            let receiver = Arc::clone(&receiver);
            super::threads::spawn(name, move || work(&receiver))
        });
        Self {
            jobs: Mutex::new(Some(sender)),
            places: Semaphore::new(READINGS_MAX),
            threads: Mutex::new(threads.collect()),
        }
    }

    /// Runs `read` on one of the threads.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let Ok(_place) = self.places.acquire().await else { return Err(Stopped) };
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            // Nobody waits for the answer any more when its client is gone.
            drop(answer.send(read()));
        });
        {
            let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            // There is a place in the channel for everyone who was let in.
            let sent = jobs.as_ref().ok_or(Stopped)?.try_send(job);
            sent.map_err(|_| Stopped)?;
        }
        answered.await.map_err(|_| Stopped)
    }

    fn stop(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            super::threads::join(thread);
        }
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}
