//! What stands around every page: words, navigation, switches.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::assets;
use super::language::Language;
use super::moments::{self, When};
use super::money::{Currency, Money};
use super::place;
use super::texts::Texts;
use super::visitor::{Theme, Visitor};
use crate::problem::Problem;
use crate::state::State;

/// Where in the navigation a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Accounts,
    Transactions,
    Move,
    Integrity,
    Settings,
    Nowhere,
}

/// The surroundings of a page.
pub(super) struct Frame {
    pub(super) t: &'static Texts,
    pub(super) language: Language,
    pub(super) theme: Theme,
    pub(super) section: Section,
    pub(super) currency: Currency,
    pub(super) token: String,
    pub(super) here: String,
    pub(super) version: &'static str,
    now_us: u64,
}

impl Frame {
    pub(super) fn new(state: &State, visitor: &Visitor, section: Section) -> Self {
        Self {
            t: visitor.texts(),
            language: visitor.language,
            theme: visitor.theme,
            section,
            currency: place::currency(state),
            token: visitor.session.token(),
            here: visitor.here.clone(),
            version: env!("CARGO_PKG_VERSION"),
            now_us: moments::now_us(),
        }
    }

    /// Where an asset is.
    pub(super) fn asset(&self, name: &str) -> &'static str {
        assets::path(name)
    }

    /// The mark of the link to the page that is shown.
    pub(super) fn current(&self, section: Section) -> &'static str {
        if self.section == section { "page" } else { "false" }
    }

    pub(super) fn is(&self, language: &str) -> bool {
        self.language.code() == language
    }

    pub(super) fn is_theme(&self, theme: &str) -> bool {
        self.theme.code() == theme
    }

    /// A sum in the ledger's currency.
    pub(super) fn money(&self, minor_units: impl Into<i128>) -> Money {
        self.currency.money(minor_units, self.language)
    }

    /// A whole number, such as a count or a seq, with its thousands set apart.
    pub(super) fn count(&self, number: u64) -> String {
        Currency::whole(number, self.language)
    }

    /// A point in time, in microseconds since the Unix epoch.
    pub(super) fn when(&self, at_us: u64) -> When {
        When::new(at_us, self.now_us, self.t)
    }
}

/// Answers with a page.
pub(super) fn page(template: &impl Template) -> Response {
    page_with(StatusCode::OK, template)
}

/// Answers with a page and another status.
pub(super) fn page_with(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(target: "web", event = "page_failed", %error, "a page cannot be written");
            let text = "the page cannot be written";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text).into_response()
        }
    }
}
