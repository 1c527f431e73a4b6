//! The HTTP door of the bank: the API under `/api/v1`, the console at `/`, and what operators ask.
//!
//! * [`serve`] takes connections until it is told to stop, then drains them; `connection` counts them;
//! * `api` is for programs, `console` for people; both stand on the same [`State`]; `reference` is the
//!   API's documentation, `follow` the log as it grows;
//! * `problem` is every error in the form of RFC 9457; `guard` looks at each request before anything
//!   else does: which host it is for, and with which headers its answer leaves; `request_id` names it;
//! * [`Facts`] is what the server tells about itself, `verification` the one that may run.
//!
//! Not here: what a request does (`engine`), what its fields mean (`protocol`).
//!
//! **Invariant:** no answer shows a state that is not durable; the engine sees to that.
//! **Invariant:** every body, header, page, stream and wait has a limit; [`Options`] has them.

mod api;
mod caller;
mod connection;
mod console;
mod facts;
mod follow;
mod guard;
mod metrics;
mod options;
mod problem;
mod reference;
mod request_id;
mod serve;
mod state;
mod verification;

pub use api::document::openapi;
pub use facts::{Care, Facts, Keeper, Proven};
pub use options::Options;
pub use serve::{Report, serve};
pub use state::State;
