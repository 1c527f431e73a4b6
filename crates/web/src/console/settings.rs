//! What this server is set to.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::HeaderMap;
use axum::http::header;
use axum::response::Response;

use super::frame::{Frame, Section, page};
use super::visitor::Visitor;
use crate::facts::Keeper;
use crate::options::BODY_BYTES_MAX;
use crate::state::State;

/// One setting: what it is, what it holds, how it is set.
struct Setting {
    name: &'static str,
    value: String,
    flag: &'static str,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings {
    f: Frame,
    settings: Vec<Setting>,
}

/// `GET /settings`
pub(super) async fn show(state: Shared<State>, visitor: Visitor, headers: HeaderMap) -> Response {
    let f = Frame::new(&state, &visitor, Section::Settings);
    let options = state.options();
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let none = || "–".to_owned();
    let hosts = if options.hosts.is_empty() { none() } else { options.hosts.join(", ") };
    let facts = state.facts();
    let keeper = match facts.keeper {
        Keeper::Folder => f.t.kept_in_folder,
        Keeper::Database => f.t.kept_in_database,
    };
    let setting = |name, value, flag| Setting { name, value, flag };
    let settings = vec![
        setting(f.t.set_version, format!("saldo {}", f.version), ""),
        setting(f.t.set_ledger, facts.ledger.clone().unwrap_or_else(none), ""),
        setting(f.t.set_keeper, keeper.to_owned(), "--data"),
        setting(f.t.set_currency, f.currency.code().to_owned(), "--currency"),
        setting(f.t.set_lines, facts.lines.map_or_else(none, |at| at.to_string()), "--listen"),
        setting(f.t.set_http, format!("http://{}", state.bound()), "--http"),
        setting(f.t.set_asked_by, asked.to_owned(), ""),
        setting(f.t.set_hosts, hosts, "--http-host"),
        setting(f.t.set_drain, seconds(options.drain), "--drain"),
        setting(f.t.set_head_timeout, seconds(options.head_timeout), ""),
        setting(f.t.set_connections, f.count(wide(options.connections_max)), ""),
        setting(f.t.set_streams, f.count(wide(options.streams_max)), ""),
        setting(f.t.set_body, f.t.bytes.replace("{}", &f.count(wide(BODY_BYTES_MAX))), ""),
        setting(f.t.set_page, f.count(wide(protocol::limits::PAGE_MAX)), ""),
    ];
    page(&Settings { f, settings })
}

fn seconds(time: std::time::Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
