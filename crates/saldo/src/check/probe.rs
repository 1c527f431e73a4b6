//! Asks the server, and finds out how each item is.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::finding::{Finding, Status};
use super::item::{ITEMS, Item};
use super::judge::{Pages, judge};
use super::limits::Limits;
use crate::failure::Failure;
use crate::http::{Answer, Http, Unasked};
use crate::vitals::{page, refusal, show};

/// How every item is, in the order of [`ITEMS`]: two looks at the metrics, `over` apart. Errors:
/// nothing could be asked at all.
pub async fn probe(http: &Http, limits: &Limits, over: Duration) -> Result<Vec<Finding>, Failure> {
    let asked = Instant::now();
    let ready = match http.get("/readyz").await {
        Ok(answer) => ready(&answer),
        Err(why) => return unreachable(http, &why),
    };
    let took = asked.elapsed().as_secs_f64();
    let mut findings = vec![
        Finding::said(Item::Reachable, Status::Ok, format!("answered in {}", show::time(took)))
            .measured(took),
        ready,
    ];
    match pages(http, over).await {
        Ok(pages) => findings.extend(judge(&pages, limits)),
        Err(why) => findings.extend(unknown(&why).skip(2)),
    }
    Ok(findings)
}

/// Every item, for the same reason.
fn unknown(why: &str) -> impl Iterator<Item = Finding> {
    ITEMS.into_iter().map(move |item| Finding::said(item, Status::Unknown, why))
}

/// Nobody answers: that is a finding, and all that there is.
fn unreachable(http: &Http, why: &Unasked) -> Result<Vec<Finding>, Failure> {
    let Unasked::Unreachable(cause) = why else { return Err(http.unasked(why)) };
    let text = format!("no answer at {}: {cause}", http.place());
    let reachable = Finding::said(Item::Reachable, Status::Critical, text);
    Ok(std::iter::once(reachable).chain(unknown("not reachable").skip(1)).collect())
}

/// Two pages of metrics. Errors: why there are none.
async fn pages(http: &Http, over: Duration) -> Result<Pages, String> {
    let earlier = page(http).await?;
    let began = Instant::now();
    tokio::time::sleep(over).await;
    let later = page(http).await?;
    // To a millisecond: this is told to people.
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |age| age.as_secs_f64());
    Ok(Pages { earlier, later, between: Duration::from_millis(millis.max(1)), now })
}

fn ready(answer: &Answer) -> Finding {
    match answer.status {
        200 => Finding::said(Item::Ready, Status::Ok, "it serves"),
        503 => Finding::said(Item::Ready, Status::Critical, refusal(answer)),
        _ => Finding::said(Item::Ready, Status::Unknown, refusal(answer)),
    }
}
