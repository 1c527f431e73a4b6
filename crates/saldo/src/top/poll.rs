//! Reads page after page on a thread of its own, so that a server that hangs does not keep anybody
//! from leaving.

use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

use super::figures::Reading;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::http::Http;
use crate::unanswered::cause_of_io;
use crate::vitals::page;

/// What the thread has to tell.
#[derive(Debug)]
pub enum News {
    /// A page, or why there is none.
    Read(Result<Reading, String>),
    /// The process is to end: somebody sent it a signal.
    Ending,
}

/// Begins to read a page every so often, the first at once. The thread ends when nobody listens.
/// `catches_signals`: a signal to end is told instead of ending the process there and then.
pub fn begin(
    http: Http,
    every: Duration,
    catches_signals: bool,
) -> Result<Receiver<News>, Failure> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    let reading = move || {
        let pages = runtime.block_on(async {
            if catches_signals {
                tokio::select! {
                    () = read(&http, every, &sender) => Ok(()),
                    ended = signalled() => ended.map(|()| drop(sender.send(News::Ending))),
                }
            } else {
                read(&http, every, &sender).await;
                Ok(())
            }
        });
        if let Err(error) = pages {
            drop(sender.send(News::Read(Err(cause_of_io(&error)))));
        }
    };
    thread::Builder::new()
        .name("pages".to_owned())
        .spawn(reading)
        .map_err(|error| failed(&error))?;
    Ok(receiver)
}

fn failed(error: &io::Error) -> Failure {
    let text = format!("the system gives no thread: {}", cause_of_io(error));
    Failure::new(Exit::NothingDone, "no_resources", text)
}

async fn signalled() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

async fn read(http: &Http, every: Duration, sender: &SyncSender<News>) {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(every);
    // Pages that were missed are not asked for all at once.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let page = page(http).await;
        let wall =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |age| age.as_secs_f64());
        let at = began.elapsed().as_secs_f64();
        if sender.send(News::Read(page.map(|page| Reading { page, at, wall }))).is_err() {
            return;
        }
    }
}
