//! Scripts, styles and the mark, built into the program. A path holds the file's hash, so that a
//! browser keeps the file for ever and a changed file is another path.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::compression::CompressionLayer;

use crate::problem;
use crate::state::State;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Name, media type, bytes.
const FILES: &[(&str, &str, &[u8])] = &[
    ("app.css", STYLE, include_bytes!("../../assets/app.css")),
    ("app.js", SCRIPT, include_bytes!("../../assets/app.js")),
    ("chart.js", SCRIPT, include_bytes!("../../assets/chart.js")),
    ("mark.svg", "image/svg+xml", include_bytes!("../../assets/mark.svg")),
    ("htmx.min.js", SCRIPT, include_bytes!("../../assets/vendor/htmx.min.js")),
    ("htmx-ext-sse.min.js", SCRIPT, include_bytes!("../../assets/vendor/htmx-ext-sse.min.js")),
    ("uPlot.iife.min.js", SCRIPT, include_bytes!("../../assets/vendor/uPlot.iife.min.js")),
    ("uPlot.min.css", STYLE, include_bytes!("../../assets/vendor/uPlot.min.css")),
];

/// One file with the path that it is served at.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    print: String,
    path: String,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |&(name, media_type, bytes): &(&'static str, &'static str, &'static [u8])| {
        let print: String = blake3::hash(bytes).to_hex().chars().take(16).collect();
        let path = format!("/console/assets/{print}/{name}");
        Asset { name, media_type, bytes, print, path }
    };
    FILES.iter().map(asset).collect()
});

/// Where the file of this name is; empty when there is none.
pub(super) fn path(name: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| asset.path.as_str())
}

/// The one route of the assets. Only they are packed: a page holds a secret beside what others may
/// have chosen, and its packed size would tell of it.
pub(super) fn router() -> Router<State> {
    Router::new().route("/console/assets/{print}/{name}", get(asset)).layer(CompressionLayer::new())
}

async fn asset(
    Path((print, name)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let found = ASSETS.iter().find(|asset| asset.name == name && asset.print == print);
    let Some(asset) = found else {
        return problem::no_such_page(uri).await.into_response();
    };
    let tag = format!("\"{}\"", asset.print);
    let is_known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok())
        .is_some_and(|known| known.split(',').any(|one| names(one, &tag)));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.media_type)], asset.bytes).into_response()
    };
    let headers = response.headers_mut();
    let cache = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, cache);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Whether a tag of the client, weak or strong, is ours: bytes that were packed on the way have a
/// weak one.
fn names(known: &str, tag: &str) -> bool {
    let known = known.trim();
    known == "*" || known.trim_start_matches("W/") == tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_that_a_template_names_is_there() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let mut named = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path_of = file.unwrap().path();
            if path_of.is_dir() {
                continue; // the API's own pages
            }
            let text = std::fs::read_to_string(path_of).unwrap();
            for after in text.split("asset(\"").skip(1) {
                let name = after.split('"').next().unwrap();
                assert_ne!(path(name), "", "{name}");
                named += 1;
            }
        }
        assert!(named >= 5, "templates name assets by asset(\"…\")");
    }

    #[test]
    fn a_tag_is_known_whether_weak_or_strong_and_no_other_is() {
        assert!(names(" W/\"ab\"", "\"ab\""));
        assert!(names("\"ab\"", "\"ab\""));
        assert!(names("*", "\"ab\""));
        assert!(!names("\"abc\"", "\"ab\""));
    }
}
