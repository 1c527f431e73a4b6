//! Runs what waits for the network.

use std::future::Future;

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::unanswered::cause_of_io;

/// Runs `future` to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            let text = format!("the system gives no event queue: {}", cause_of_io(&error));
            Failure::new(Exit::NothingDone, "no_resources", text)
        })?;
    let result = runtime.block_on(future);
    // A name that is still being looked up must not keep the process after its deadline.
    runtime.shutdown_background();
    result
}
