//! SIGHUP reads the certificate again. SIGTERM and SIGINT: the first stops in order, the second at once. Stopping at once is a crash,
//! and a crash loses nothing acknowledged.

use std::io;

use server::{CancellationToken, Tls};
use tokio::signal::unix::{SignalKind, signal};

/// Cancels `stop` at the first signal; ends the process at the second.
pub fn watch(stop: CancellationToken) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => ("SIGTERM", 143),
                _ = interrupt.recv() => ("SIGINT", 130),
            }
        };
        let (name, _) = next().await;
        tracing::info!(target: "server", event = "stopping", signal = name,
            "stopping in order; once more stops at once");
        stop.cancel();
        let (name, exit) = next().await;
        tracing::warn!(target: "server", event = "stopped_at_once", signal = name,
            "stopped at once; nothing acknowledged is lost");
        std::process::exit(exit);
    });
    Ok(())
}

/// Reads the certificate again at each SIGHUP, and when its files change. Without one, SIGHUP does
/// nothing; who has access is looked at all the time.
pub fn reload(tls: Option<Tls>) -> io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    if let Some(watched) = tls.clone() {
        tokio::spawn(async move { watched.keep_current(|_| {}).await });
    }
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            if let Some(tls) = &tls {
                tls.tell(tls.reload(), &mut |_| {});
            }
        }
    });
    Ok(())
}
