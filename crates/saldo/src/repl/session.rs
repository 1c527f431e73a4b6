//! What lines have in common: where the server is, the format of answers, whether times are shown.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::line::{self, COMMANDS, Line};
use super::raw;
use crate::cli::{Cli, Verb};
use crate::config::{self, Stop};
use crate::duration;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::runtime;
use crate::server::Server;
use crate::setting::{self, Origin, Setting};
use crate::usage;

/// Lines of one prompt.
pub struct Session {
    server: Server,
    is_timed: bool,
    /// Whether the last line that wanted the server did not reach it.
    is_away: bool,
    is_json: bool,
}

/// How a line ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was done.
    Done,
    /// It did not do what was asked, which was reported; with this number.
    Failed(u8),
    /// It was the last one.
    Quit,
}

impl Session {
    /// Lines for this server.
    pub fn new(server: Server) -> Self {
        if let Origin::Flag(flag) = server.origin {
            let value = server.address.as_str().to_owned();
            setting::for_all_lines(
                "SALDO_SERVER",
                Some(Setting { value, origin: Origin::Flag(flag) }),
            );
        }
        let value = duration::show(server.timeout);
        let timeout = Setting { value, origin: Origin::Flag("--timeout") };
        setting::for_all_lines("SALDO_TIMEOUT", Some(timeout));
        Self { server, is_timed: false, is_away: false, is_json: false }
    }

    /// Does what a line asks for, and reports what failed.
    pub fn run(&mut self, line: &str) -> Ended {
        let line = match line::read(line) {
            Ok(line) => line,
            Err(failure) => return self.failed(&failure, self.is_json),
        };
        let began = Instant::now();
        let is_timed = self.is_timed && matches!(line, Line::Verb(_) | Line::Raw(_));
        let ended = self.carry_out(line);
        if is_timed {
            let micros = began.elapsed().as_micros();
            output::note(&format!("{}.{:03} ms", micros / 1_000, micros % 1_000));
        }
        ended
    }

    fn carry_out(&mut self, line: Line) -> Ended {
        match line {
            Line::Empty => {}
            Line::Quit => return Ended::Quit,
            Line::Verb(words) => return self.verb(&words),
            Line::Watch(every, words) => return self.watch(every, &words),
            Line::Timing(wanted) => {
                self.is_timed = wanted.unwrap_or(!self.is_timed);
                output::note(if self.is_timed { "times are shown" } else { "times are not shown" });
            }
            Line::Format(format) => self.answer_in(format),
            Line::Raw(json) => {
                let sent = raw::send(&self.server, &json);
                return self.settle(sent, self.is_json, true);
            }
            Line::Commands => return self.settle(output::print(&commands()), self.is_json, false),
        }
        Ended::Done
    }

    /// Runs a verb as the command line does.
    fn verb(&mut self, words: &[String]) -> Ended {
        let typed: Vec<OsString> = ["saldo"]
            .into_iter()
            .chain(words.iter().map(String::as_str))
            .map(OsString::from)
            .collect();
        let cli: Cli = match config::parse(&typed) {
            Ok(cli) => cli,
            Err(Stop::Configuration(failure)) => return self.failed(&failure, self.is_json),
            Err(Stop::Usage(error)) => {
                return match usage::shown(&error) {
                    Ok(()) => Ended::Done,
                    Err(failure) => {
                        let is_json = self.is_json || usage::wants_json(words.iter().cloned());
                        self.failed(&failure, is_json)
                    }
                };
            }
        };
        let is_json = cli.verb.answers_in_json();
        let asks_server = cli.verb.asks_server();
        let is_overview = words == ["help"];
        let is_refused = matches!(cli.verb, Verb::Serve(_) | Verb::Repl(_));
        let done = if is_refused {
            let verb = words.first().map_or("it", String::as_str);
            let failure = Failure::usage(format!("{verb} is not for the prompt"));
            Err(failure.hint("run it from a shell"))
        } else {
            cli.verb.run()
        };
        let done = match is_overview {
            true => done.and_then(|()| output::print(&format!("\n{}", commands()))),
            false => done,
        };
        self.settle(done, is_json, asks_server)
    }

    /// The same again and again, until Ctrl-C or until it fails.
    fn watch(&mut self, every: Duration, words: &[String]) -> Ended {
        loop {
            let ended = self.verb(words);
            if ended != Ended::Done {
                return ended;
            }
            // Ctrl-C is heard from the first pause on, and ends the watching alone.
            let paused = runtime::block_on(async {
                tokio::select! {
                    () = tokio::time::sleep(every) => Ok(true),
                    heard = tokio::signal::ctrl_c() => Ok(heard.is_err()),
                }
            });
            match paused {
                Ok(true) => {}
                Ok(false) => return Ended::Done,
                Err(failure) => return self.failed(&failure, self.is_json),
            }
        }
    }

    fn answer_in(&mut self, format: Option<Format>) {
        self.is_json = matches!(format, Some(Format::Json | Format::Jsonl));
        let value = format.map(|format| format.word().to_owned());
        let setting = value.map(|value| Setting { value, origin: Origin::Flag(r"\o") });
        setting::for_all_lines("SALDO_OUTPUT", setting);
    }

    /// Reports a failure, and says when the server is there again.
    fn settle(&mut self, done: Result<(), Failure>, is_json: bool, asks_server: bool) -> Ended {
        match done {
            Ok(()) => {
                if asks_server && std::mem::take(&mut self.is_away) {
                    output::note(&format!("{} answers again", self.server.address));
                }
                Ended::Done
            }
            Err(failure) => self.failed(&failure, is_json),
        }
    }

    fn failed(&mut self, failure: &Failure, is_json: bool) -> Ended {
        // The number is returned instead.
        let _code = failure.report(is_json);
        if failure.is_unreachable() {
            self.is_away = true;
            output::note("the next line connects again");
        }
        Ended::Failed(failure.exit().code())
    }
}

/// The prompt's own commands, for people.
fn commands() -> String {
    let mut text = String::from("At the prompt:\n");
    for (usage, about) in COMMANDS {
        text.push_str(&format!("  {usage:<26}{about}\n"));
    }
    text
}
