//! A line that goes to the server as it is.

use serde::Deserialize;
use tokio::time::Instant;

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output;
use crate::runtime;
use crate::server::Server;
use crate::unanswered;

/// What a reply says about itself.
#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    code: Option<String>,
}

/// Sends `json`, which has no newline, and prints the reply. Errors: no reply, or one that says no.
pub fn send(server: &Server, json: &str) -> Result<(), Failure> {
    let reply = runtime::block_on(async {
        let (route, deadline) = (server.route(), Instant::now() + server.timeout);
        let open = client::Connection::open(&route, server.timeout, deadline);
        let mut connection = open.await.map_err(|fault| unanswered::unreachable(&fault, server))?;
        let line = format!("{json}\n");
        let exchange = connection.exchange(line.as_bytes(), 1, server.timeout, deadline).await;
        match (exchange.replies.into_iter().next(), exchange.fault) {
            (Some(reply), _) => Ok(reply),
            (None, Some(fault)) if exchange.sent_bytes == 0 => {
                Err(unanswered::unreachable(&fault, server))
            }
            (None, _) => Err(Failure::new(
                Exit::OutcomeUnknown,
                "outcome_unknown",
                "the line was sent and no answer came; what it asked for may have happened",
            )),
        }
    })?;
    let reply = String::from_utf8_lossy(&reply).into_owned();
    output::print(&format!("{reply}\n"))?;
    match serde_json::from_str(&reply) {
        Ok(Verdict { ok: true, .. }) => Ok(()),
        Ok(Verdict { code, .. }) => {
            let code = code.unwrap_or_else(|| "refused".to_owned());
            Err(Failure::new(Exit::No, code, "the server refused the line"))
        }
        Err(_) => Err(Failure::new(Exit::NothingDone, "bad_reply", "that is no reply of a bank")),
    }
}
