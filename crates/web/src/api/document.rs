//! The OpenAPI document: what the handlers say of themselves, with the problems of each.
//!
//! **Invariant:** every operation has its codes in [`CODES`], and each code its page; tests compare.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use axum::extract::RawQuery;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Content, Info, License, OpenApi, Ref, RefOr, Response as Described};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::schema::ProblemDetails;
use super::wire::Params;
use super::{described, etag};
use crate::problem::Problem;
use crate::problem::codes::{self, Entry};

/// What any request may be answered.
const ANY: &[&str] = &[
    "invalid_request",
    "unauthenticated",
    "forbidden",
    "unknown_host",
    "rate_limited",
    "internal",
    "overloaded",
    "shutting_down",
];

/// What a request with a body may be answered beside that.
const BODY: &[&str] =
    &["bad_json", "cross_site", "unsupported_media_type", "line_too_long", "request_timeout"];

/// What a question of history may be answered beside that.
const HISTORY: &[&str] = &["index_unavailable", "journal_unavailable", "database_unreachable"];

/// What a write may be answered beside that.
const WRITE: &[&str] = &[
    "missing_field",
    "invalid_tx_id",
    "tx_id_reused",
    "deadline_passed",
    "voided",
    "index_unavailable",
    "journal_unavailable",
    "database_unreachable",
    "outcome_unknown",
];

/// The codes of an operation, beside [`ANY`].
const CODES: &[(&str, &[&[&str]])] = &[
    (
        "deposit",
        &[
            BODY,
            WRITE,
            &["invalid_name", "invalid_amount", "balance_out_of_range", "limit_exceeded"],
        ],
    ),
    (
        "withdraw",
        &[BODY, WRITE, &["invalid_name", "invalid_amount", "insufficient_funds", "limit_exceeded"]],
    ),
    (
        "transfer",
        &[
            BODY,
            WRITE,
            &[
                "invalid_name",
                "invalid_amount",
                "same_account",
                "insufficient_funds",
                "balance_out_of_range",
                "limit_exceeded",
            ],
        ],
    ),
    ("init", &[BODY, WRITE, &["invalid_name", "invalid_amount", "too_large"]]),
    ("resolve", &[BODY, HISTORY, &["missing_field", "invalid_tx_id", "outcome_unknown"]]),
    ("accounts", &[HISTORY]),
    ("account", &[HISTORY, &["invalid_name", "not_yet"]]),
    ("statement", &[HISTORY, &["invalid_name"]]),
    ("transactions", &[HISTORY]),
    ("transaction", &[HISTORY, &["invalid_tx_id", "unknown_transaction"]]),
    ("totals", &[HISTORY]),
    ("events", &[]),
    ("status", &[]),
    ("verify", &[BODY, &["not_with_a_database", "verify_running", "verify_elsewhere"]]),
    ("verification", &[&["not_with_a_database"]]),
    ("checkpoint", &[BODY, &["not_with_a_database", "checkpoint_failed"]]),
    ("shutdown", &[BODY]),
];

/// The codes of an operation; `None` for one that has no row.
fn codes_of(operation_id: &str) -> Option<Vec<&'static Entry>> {
    let (_, groups) = CODES.iter().find(|(id, _)| *id == operation_id)?;
    let mut of_it: Vec<&str> = ANY.to_vec();
    of_it.extend(groups.iter().copied().flatten());
    Some(codes::ENTRIES.iter().filter(|entry| of_it.contains(&entry.code)).collect())
}

/// The document that describes the API.
pub fn openapi() -> OpenApi {
    let mut document = described().into_openapi();
    let mut info = Info::new("Saldo", "1");
    info.description = Some(
        "The bank over HTTP. Amounts are whole minor units (cents). A write happens once under its \
         tx_id, for ever; errors are problem details (RFC 9457) with a stable code. Within v1 fields \
         are only added."
            .to_owned(),
    );
    info.license = Some(License::new("MIT OR Apache-2.0"));
    document.info = info;
    let components = document.components.get_or_insert_default();
    components.schemas.insert(ProblemDetails::name().into_owned(), ProblemDetails::schema());
    for entry in codes::ENTRIES {
        let example = ExampleBuilder::new().summary(entry.title).value(Some(example(entry)));
        components.examples.insert(entry.code.to_owned(), RefOr::T(example.build()));
    }
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            add_problems(operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post].into_iter().flatten()
}

/// Adds a response for each status of an operation's codes, with an example for each code.
fn add_problems(operation: &mut Operation) {
    let codes = operation.operation_id.as_deref().and_then(codes_of).unwrap_or_default();
    let mut by_status: BTreeMap<u16, Vec<&Entry>> = BTreeMap::new();
    for entry in codes {
        by_status.entry(entry.status.as_u16()).or_default().push(entry);
    }
    for (status, entries) in by_status {
        let names: Vec<String> = entries.iter().map(|entry| format!("`{}`", entry.code)).collect();
        let examples = entries.iter().map(|entry| {
            (entry.code, RefOr::Ref(Ref::new(format!("#/components/examples/{}", entry.code))))
        });
        let schema = Ref::from_schema_name(ProblemDetails::name());
        let content = utoipa::openapi::ContentBuilder::from(Content::new(Some(schema)))
            .examples_from_iter(examples)
            .build();
        let mut response = Described::new(names.join(", "));
        response.content.insert("application/problem+json".to_owned(), content.into());
        operation.responses.responses.insert(status.to_string(), RefOr::T(response));
    }
}

/// A problem as it is told.
fn example(entry: &Entry) -> serde_json::Value {
    let mut example = json!({
        "type": format!("/problems/{}", entry.code),
        "title": entry.title,
        "status": entry.status.as_u16(),
        "detail": entry.title.to_lowercase(),
        "instance": "/api/v1/…",
        "code": entry.code,
        "hint": entry.remedy,
        "retryable": entry.retryable,
        "request_id": "019ab6a9-0c7b-7c00-9f3e-5d1c6b0a7e42",
        "as_of": 3
    });
    if matches!(entry.code, "insufficient_funds" | "balance_out_of_range") {
        example["balance"] = json!(777);
    }
    example
}

/// The document as it is served, and its tag.
static SERVED: LazyLock<(String, String)> = LazyLock::new(|| {
    // A document that was built from these types can be written.
    let text = openapi().to_pretty_json().unwrap_or_default() + "\n";
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let tag = format!("W/\"{:016x}\"", hasher.finish());
    (text, tag)
});

/// Serves it.
pub(super) async fn json(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Params::read(query.as_deref(), &[])?;
    let (text, tag) = &*SERVED;
    if etag::is_known(&headers, tag) {
        return Ok(etag::not_modified(tag, etag::ASK_AGAIN));
    }
    let mut response =
        ([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response();
    etag::tell(&mut response, tag, etag::ASK_AGAIN);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(document: &mut OpenApi) -> Vec<&mut Operation> {
        document.paths.paths.values_mut().flat_map(operations).collect()
    }

    #[test]
    fn every_operation_has_its_codes_an_example_and_a_summary() {
        let mut document = openapi();
        let operations = all(&mut document);
        assert_eq!(operations.len(), CODES.len());
        for operation in operations {
            let id = operation.operation_id.clone().unwrap();
            assert!(codes_of(&id).is_some(), "{id} has no row of codes");
            assert!(operation.summary.is_some(), "{id}");
            let good =
                ["200", "202"].iter().find_map(|code| operation.responses.responses.get(*code));
            let Some(RefOr::T(good)) = good else { panic!("{id} has no good answer") };
            for content in good.content.values() {
                let RefOr::T(content) = content else { panic!("{id}: a content is referred to") };
                assert!(content.example.is_some(), "{id} has no example");
            }
        }
    }

    #[test]
    fn every_code_of_the_rows_has_an_entry() {
        for (id, groups) in CODES {
            for code in ANY.iter().chain(groups.iter().copied().flatten()) {
                assert!(codes::entry(code).is_some(), "{id}: {code}");
            }
        }
    }
}
