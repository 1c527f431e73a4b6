//! Finds out who a client is, before anything else is done for it.
//!
//! **Invariant:** no token is in a log, an error or a reply.

use std::io;
use std::net::SocketAddr;

use access::{Denied, Entry, Principal};
use ledger::Seq;
use protocol::foreign::{Speech, speech};
use protocol::lines::{self, Front, Portion};
use protocol::{Code, Incoming, parse_line, reply};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::connection::{Connection, Ended};
use crate::counters::AuthFailure;
use crate::last_word::LastWord;
use crate::options::{AUTH_DELAY, AUTH_LINE_BYTES_MAX, AUTH_TIME, AUTH_TRIES_MAX};
use crate::wire::Wire;

/// The first line is something else.
const NO_AUTH: &str = "the first line must be {\"cmd\":\"auth\",\"token\":\"…\"}";
/// The token is none that is valid.
const NOT_KNOWN: &str = "this token is not known, or not any more";

impl<S: Wire> Connection<'_, S> {
    /// Takes lines until one says who asks. Returns how the connection is to end, when it is.
    pub(crate) async fn authenticate(&mut self, from: SocketAddr) -> io::Result<Option<Ended>> {
        let deadline = Instant::now() + AUTH_TIME;
        let portion =
            Portion { line_bytes_max: AUTH_LINE_BYTES_MAX, lines_max: 1, bytes_max: usize::MAX };
        let mut tries = 0;
        loop {
            if speech(self.input.unread()) == Speech::Http {
                return Ok(Some(Ended::LastWord(LastWord::HttpNotSpoken)));
            }
            match self.input.front(portion) {
                Front::Lines { bytes, .. } => {
                    match self.log_in(bytes, from).await {
                        Ok(who) => {
                            self.welcome(who).await?;
                            return Ok(None);
                        }
                        Err(no) => self.refuse(no, deadline).await?,
                    }
                    tries += 1;
                    if tries == AUTH_TRIES_MAX {
                        return Ok(Some(Ended::Closed));
                    }
                }
                Front::TooLong => {
                    self.house.desk.counters().note_auth_failure(AuthFailure::Absent);
                    return Ok(Some(Ended::LastWord(LastWord::AuthTooLong)));
                }
                Front::Partial => {
                    self.input.tidy_front();
                    let wake = self.wake.clone();
                    let read = tokio::select! {
                        biased;
                        () = wake.cancelled() => return Ok(Some(Ended::Drained)),
                        read = timeout_at(deadline, self.read()) => read,
                    };
                    match read {
                        Ok(read) => match read? {
                            Some(1..) => {}
                            Some(0) => return Ok(Some(Ended::ByClient)),
                            None => return Ok(Some(Ended::Idle)),
                        },
                        Err(_) => {
                            self.house.desk.counters().note_auth_failure(AuthFailure::Late);
                            return Ok(Some(Ended::LastWord(LastWord::AuthLate)));
                        }
                    }
                }
            }
        }
    }

    /// Takes one line of `bytes` bytes. Errors: what its client is told.
    async fn log_in(&mut self, bytes: usize, from: SocketAddr) -> Result<Principal, &'static str> {
        let (taken, _, _) = self.input.work(bytes);
        let line = lines::split(taken).next().unwrap_or_default();
        let access = self.house.desk.access();
        let found = match parse_line(line) {
            Ok(Incoming::Auth(token)) => Some(access.token(token.reveal())),
            Ok(_) | Err(_) => None,
        };
        self.input.take(bytes);
        let counters = self.house.desk.counters();
        match found {
            Some(Ok(who)) => Ok(who),
            Some(Err(denied)) => {
                counters.note_auth_failure(match denied {
                    Denied::Unknown | Denied::Locked { .. } => AuthFailure::Unknown,
                    Denied::Expired | Denied::Ended => AuthFailure::Ended,
                });
                self.note_denied(denied, from).await;
                Err(NOT_KNOWN)
            }
            None => {
                counters.note_auth_failure(AuthFailure::Absent);
                Err(NO_AUTH)
            }
        }
    }

    /// Writes the failure to the audit log, at most a few times a second.
    async fn note_denied(&self, denied: Denied, from: SocketAddr) {
        let Some(count) = self.house.denied_throttle().count() else { return };
        let access = self.house.desk.access().clone();
        let written = tokio::task::spawn_blocking(move || {
            let about =
                if count > 1 { format!("{count} since the last line") } else { String::new() };
            let (from, result) = (from.to_string(), format!("denied: {denied}"));
            let entry = Entry {
                who: "",
                what: "sign in by token",
                about: &about,
                from: &from,
                result: &result,
            };
            access.audit(&entry)
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = engine::chain(&error);
                tracing::error!(event = "audit_failed", error, "the audit log is not written");
            }
            Err(error) => tracing::error!(event = "audit_failed", %error, "not written"),
        }
    }

    async fn refuse(&mut self, text: &str, deadline: Instant) -> io::Result<()> {
        if text == NOT_KNOWN {
            sleep_until((Instant::now() + AUTH_DELAY).min(deadline)).await;
        }
        let mut line = Vec::new();
        // Where the bank stands is nothing for strangers.
        reply::failed(&mut line, Code::Unauthenticated, text, Seq::ZERO, None);
        self.say(&line).await
    }

    async fn welcome(&mut self, who: Principal) -> io::Result<()> {
        let mut line = Vec::new();
        let role = who.role().map_or("", access::Role::name);
        reply::authenticated(&mut line, who.by().map(|by| (by, role)));
        self.who = who;
        self.say(&line).await
    }
}
