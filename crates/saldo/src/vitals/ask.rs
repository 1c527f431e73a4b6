//! Asks a server for its page of metrics.

use serde::Deserialize;

use super::Page;
use crate::http::{Answer, Http, Unasked};
use crate::output::text;

/// A page of metrics. Errors: why there is none.
pub async fn page(http: &Http) -> Result<Page, String> {
    match http.get("/metrics").await {
        Ok(answer) if answer.is_given() => Page::parse(&answer.body),
        Ok(answer) => Err(refusal(&answer)),
        Err(Unasked::Unreachable(cause)) => Err(format!("no metrics: {cause}")),
        Err(why @ Unasked::TokenInTheOpen) => Err(http.unasked(&why).text().to_owned()),
    }
}

/// What a server said instead of the page.
pub fn refusal(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    let status = answer.status;
    match (status, serde_json::from_str::<Problem>(&answer.body)) {
        (401 | 403, _) => format!("not allowed ({status}): who asks is told by SALDO_TOKEN_FILE"),
        (_, Ok(problem)) => format!("{} ({status})", text::message(&problem.detail)),
        (_, Err(_)) => format!("the answer is {status}; is that a bank?"),
    }
}
