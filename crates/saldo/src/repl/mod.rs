//! The prompt: the verbs of the command line, line after line, with a history, hints and completion
//! on a terminal, and without them from a pipe.
//!
//! Each line is understood by the parser of the command line and does what it does there, with a
//! connection of its own. **Invariant:** from a pipe nothing runs behind a line that failed, unless
//! the caller said so.

mod completion;
mod history;
mod line;
mod prompt;
mod raw;
mod session;
mod words;

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use reedline::Signal;

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::server::Server;
use crate::unanswered::cause_of_io;

use self::session::{Ended, Session};

/// Most bytes of a line from a pipe: as many as the server takes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// How the prompt ended.
pub enum End {
    /// As it should.
    Well,
    /// A line failed, which was reported.
    Failed(u8),
}

/// Asks for lines on a terminal until the person leaves.
pub fn on_terminal(server: Server) -> Result<End, Failure> {
    let mut editor = prompt::editor(&server)?;
    let prompt = prompt::Line;
    let mut session = Session::new(server);
    loop {
        let said = editor.read_line(&prompt);
        match said.map_err(|error| no_terminal(&error.to_string()))? {
            Signal::Success(line) => {
                if matches!(session.run(&line), Ended::Quit) {
                    return Ok(End::Well);
                }
            }
            Signal::CtrlD => return Ok(End::Well),
            // The line is gone, the prompt stays. The others come from what is not switched on.
            Signal::CtrlC | Signal::HostCommand(_) | Signal::ExternalBreak(_) | _ => {}
        }
    }
}

/// Whether somebody sits there who can be asked.
pub fn is_on_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Runs the lines of stdin. With `keep_going`, a failure stops nothing and the end is 1.
pub fn on_pipe(server: Server, keep_going: bool) -> Result<End, Failure> {
    let mut session = Session::new(server);
    let mut failed = None;
    while let Some(line) = next_line()? {
        match session.run(&line) {
            Ended::Done => {}
            Ended::Quit => break,
            Ended::Failed(_) if keep_going => failed = Some(Exit::No.code()),
            Ended::Failed(code) => return Ok(End::Failed(code)),
        }
    }
    Ok(failed.map_or(End::Well, End::Failed))
}

/// The next line of stdin, which a verb may read from as well. Errors: it is too long, or no text.
fn next_line() -> Result<Option<String>, Failure> {
    let mut bytes = Vec::new();
    let mut stdin = io::stdin().lock();
    let reading = stdin.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut bytes);
    let count = reading.map_err(|error| {
        Failure::usage(format!("stdin cannot be read: {}", cause_of_io(&error)))
    })?;
    if count as u64 > LINE_BYTES_MAX {
        return Err(Failure::usage(format!("a line has more than {LINE_BYTES_MAX} bytes")));
    }
    if count == 0 {
        return Ok(None);
    }
    String::from_utf8(bytes).map(Some).map_err(|_| Failure::usage("a line of stdin is no UTF-8"))
}

fn no_terminal(text: &str) -> Failure {
    Failure::usage(format!("the terminal cannot be used: {text}"))
        .hint("give the lines through a pipe: echo 'balance alice' | saldo repl")
}
