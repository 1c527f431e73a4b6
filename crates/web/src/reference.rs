//! What people read about the API: its reference, made from the OpenAPI document, and a page for each
//! code. No script.

use std::sync::LazyLock;

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;

use crate::api;
use crate::problem::Problem;
use crate::problem::codes::{ENTRIES, Entry, entry};
use crate::state::State;

const STYLE: &str = include_str!("../assets/reference.css");

/// The routes of the reference.
pub(crate) fn router() -> Router<State> {
    Router::new()
        .route("/docs", get(reference))
        .route("/docs/style.css", get(style))
        .route("/problems", get(problems))
        .route("/problems/{code}", get(problem))
}

/// The page at `/docs`.
#[derive(Template)]
#[template(path = "reference/docs.html")]
struct Docs {
    about: String,
    operations: Vec<Operation>,
}

/// One operation, as the page shows it.
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    parameters: Vec<Parameter>,
    body: String,
    answers: Vec<Answer>,
    refusals: Vec<Refusal>,
}

struct Parameter {
    name: String,
    place: String,
    needed: bool,
    description: String,
    bounds: String,
}

struct Answer {
    status: String,
    description: String,
    example: String,
}

/// The codes of one status.
struct Refusal {
    status: String,
    codes: Vec<String>,
}

/// A list of codes, or one of them.
#[derive(Template)]
#[template(path = "reference/problems.html")]
struct Problems {
    heading: &'static str,
    entries: Vec<&'static Entry>,
}

/// Made once: the document does not change while the server runs.
static DOCS: LazyLock<Result<String, askama::Error>> = LazyLock::new(|| {
    let document = serde_json::to_value(api::document::openapi()).unwrap_or_default();
    let about = text(&document, "/info/description");
    Docs { about, operations: operations(&document) }.render()
});

async fn reference() -> Response {
    match &*DOCS {
        Ok(page) => Html(page.as_str()).into_response(),
        Err(error) => not_written(error),
    }
}

async fn style() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, STYLE).into_response()
}

async fn problems() -> Response {
    page(&Problems { heading: "Problems", entries: ENTRIES.iter().collect() })
}

async fn problem(code: Result<Path<String>, axum::extract::rejection::PathRejection>) -> Response {
    let found = code.ok().and_then(|Path(code)| entry(&code));
    match found {
        Some(entry) => page(&Problems { heading: "Problem", entries: vec![entry] }),
        None => Problem::of("unknown_route", "there is no such code")
            .hint("all codes are listed at /problems")
            .into_response(),
    }
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => not_written(&error),
    }
}

fn not_written(error: &askama::Error) -> Response {
    Problem::internal(error).into_response()
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let mut operations: Vec<Operation> = paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, described)| operation(document, path, method, described))
        })
        .collect();
    let rank = |operation: &Operation| match operation.method.as_str() {
        "POST" if operation.path.contains("/verify") => 2,
        "POST" if operation.path.ends_with("/checkpoint") => 2,
        "POST" if operation.path.ends_with("/shutdown") => 3,
        "POST" => 0,
        _ => 1,
    };
    operations.sort_by_key(rank);
    operations
}

fn operation(document: &Value, path: &str, method: &str, described: &Value) -> Operation {
    let list = |name: &str| described.get(name).and_then(Value::as_array).into_iter().flatten();
    let responses = described.get("responses").and_then(Value::as_object).into_iter().flatten();
    let (good, bad): (Vec<_>, Vec<_>) =
        responses.partition(|(status, _)| status.starts_with(['2', '3']));
    Operation {
        id: text(described, "/operationId"),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(described, "/summary"),
        description: text(described, "/description"),
        parameters: list("parameters").map(parameter).collect(),
        body: body_example(document, described),
        answers: good.into_iter().map(|(status, answer)| good_answer(status, answer)).collect(),
        refusals: bad
            .into_iter()
            .map(|(status, answer)| Refusal {
                status: status.clone(),
                codes: text(answer, "/description")
                    .split(", ")
                    .map(|code| code.trim_matches('`').to_owned())
                    .collect(),
            })
            .collect(),
    }
}

fn parameter(parameter: &Value) -> Parameter {
    let schema = parameter.get("schema").unwrap_or(&Value::Null);
    let bound = |name: &str, words: &str| schema.get(name).map(|value| format!("{words} {value}"));
    let bounds: Vec<String> = [
        bound("minimum", "from"),
        bound("maximum", "to"),
        bound("minLength", "at least"),
        bound("maxLength", "at most"),
    ]
    .into_iter()
    .flatten()
    .collect();
    Parameter {
        name: text(parameter, "/name"),
        place: text(parameter, "/in"),
        needed: parameter.get("required") == Some(&Value::Bool(true)),
        description: text(parameter, "/description"),
        bounds: bounds.join(", "),
    }
}

/// The example of what an operation is sent; empty where it is sent nothing.
fn body_example(document: &Value, described: &Value) -> String {
    let schema = described.pointer("/requestBody/content/application~1json/schema/$ref");
    let place = schema.and_then(Value::as_str).and_then(|place| place.strip_prefix('#'));
    let example = place.and_then(|place| document.pointer(&format!("{place}/example")));
    example.map(Value::to_string).unwrap_or_default()
}

fn good_answer(status: &str, answer: &Value) -> Answer {
    let contents = answer.get("content").and_then(Value::as_object);
    let example = contents.and_then(|contents| contents.values().next()?.get("example"));
    let example = match example {
        Some(Value::String(text)) => text.clone(),
        Some(value) => serde_json::to_string_pretty(value).unwrap_or_default(),
        None => String::new(),
    };
    Answer { status: status.to_owned(), description: text(answer, "/description"), example }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
