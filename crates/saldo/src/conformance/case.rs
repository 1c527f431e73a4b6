//! The process of one case: an engine over an empty bank, and the end that says what was found.

use std::panic;
use std::sync::Arc;

use anyhow::Context as _;
use engine::BoxFuture;
use engine::conformance::{CASES, Instance};
use journal::{Currency, LedgerId};
use postgres::{Address, Mode, OpenError, Options, PostgresEngine, create_schema};

use super::{TWO_SERVERS, two_servers};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::serve::database;

/// Stands before the reason for which a promise is broken.
pub const BROKEN: &str = "promise broken: ";

/// Tries the promise of this name in an empty database, and returns when it holds. Where it does not,
/// the process says so on stderr and ends.
pub fn run_case(place: &Address, case: &str, is_unreplicated: bool) -> Result<(), Failure> {
    panic::set_hook(Box::new(|why| {
        let payload = why.payload();
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        // On whichever thread it was: the case is over.
        eprintln!("{BROKEN}{}", text.unwrap_or("a panic without words"));
        std::process::exit(i32::from(Exit::Broken.code()));
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the runtime")
        .map_err(|error| Failure::new(Exit::NothingDone, "no_resources", format!("{error:#}")))?;
    runtime.block_on(async {
        if case == TWO_SERVERS {
            return two_servers::run(place, is_unreplicated).await;
        }
        let Some(found) = CASES.iter().find(|known| known.name == case) else {
            return Err(Failure::usage(format!("there is no promise {case:?}")));
        };
        let engine =
            fresh(place.clone(), is_unreplicated).await.map_err(|error| refused(&error))?;
        (found.run)(instance(Arc::new(engine), place.clone(), is_unreplicated)).await;
        Ok(())
    })
}

/// An engine over a bank that is made in the empty database at `place`.
pub async fn fresh(place: Address, is_unreplicated: bool) -> Result<PostgresEngine, OpenError> {
    if let Some(currency) = Currency::new("BRL") {
        create_schema(&place, LedgerId(rand::random()), &currency).await?;
    }
    open(place, is_unreplicated).await
}

/// An engine over the bank at `place`.
pub async fn open(place: Address, is_unreplicated: bool) -> Result<PostgresEngine, OpenError> {
    let mode = if is_unreplicated { Mode::Unchecked } else { Mode::Replicated };
    PostgresEngine::open(place, Options { mode, ..Options::default() }).await
}

/// What a case gets.
fn instance(engine: Arc<PostgresEngine>, place: Address, is_unreplicated: bool) -> Instance {
    let seam = Arc::clone(&engine);
    let reopen = move || -> BoxFuture<'static, Instance> {
        Box::pin(async move {
            if let Some(engine) = Arc::into_inner(engine) {
                engine.close().await;
            }
            match open(place.clone(), is_unreplicated).await {
                Ok(engine) => instance(Arc::new(engine), place, is_unreplicated),
                Err(error) => panic!("it does not open again: {}", engine::chain(&error)),
            }
        })
    };
    Instance { engine: seam, reopen: Box::new(reopen) }
}

/// Why the bank does not open.
pub fn refused(error: &OpenError) -> Failure {
    database::refused(error)
}
