//! Where a password comes from: a file, a terminal that does not show it, or a pipe. Never an argument,
//! which others on the machine could read.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal as _, Read, Write as _};
use std::path::PathBuf;

use access::PASSWORD_BYTES_MAX;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use super::must_be_private;
use crate::exit_code::Exit;
use crate::failure::Failure;

/// Most bytes that are kept of a line.
const TYPED_BYTES_MAX: usize = 2 * PASSWORD_BYTES_MAX;

/// What Ctrl-C sends.
const INTERRUPT: u8 = 3;

/// The flag of every verb that sets a password.
#[derive(Debug, clap::Args)]
pub struct PasswordArgs {
    /// A file of mode 0600 with the password in its first line; otherwise it is asked for, or read
    /// from a pipe
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// Reads a password for `user`. Errors: there is none, it is not typed the same twice, or it is
    /// no text.
    pub fn read(&self, user: &str) -> Result<String, Failure> {
        if let Some(path) = &self.password_file {
            must_be_private(path)?;
            let shown = path.display();
            let file = File::open(path)
                .map_err(|error| Failure::usage(format!("{shown} cannot be read: {error}")))?;
            return first_line(file);
        }
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return first_line(stdin.lock());
        }
        let password = asked(&format!("password for {user}: "))?;
        if asked("the same again: ")? != password {
            return Err(Failure::usage("the two passwords differ"));
        }
        Ok(password)
    }
}

/// The first line of a file or a pipe, without its end.
fn first_line(from: impl Read) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    // One byte more than is allowed, and the end of the line: what is longer is refused as that.
    from.take(PASSWORD_BYTES_MAX as u64 + 3)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("the password cannot be read: {error}")))?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(Failure::usage("there is no password")
            .hint("give it with --password-file FILE, or write it into the pipe"));
    }
    text(line.to_vec())
}

fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| Failure::usage("the password is no UTF-8"))
}

/// Asks on the terminal, which shows nothing of what is typed.
fn asked(question: &str) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::usage(format!("the terminal cannot be used: {error}"));
    let stdin = io::stdin();
    let hidden = Hidden::begin().map_err(failed)?;
    write!(io::stderr(), "{question}").map_err(failed)?;
    let typed = typed_line(&mut stdin.lock());
    drop(hidden);
    writeln!(io::stderr()).map_err(failed)?;
    let mut typed = typed.map_err(failed)?;
    match typed.pop() {
        Some(INTERRUPT) => {
            Err(Failure::new(Exit::Interrupted, "interrupted", "nothing was changed"))
        }
        Some(b'\n') => text(typed),
        // The terminal ended, or the line is longer than any password.
        Some(byte) => {
            typed.push(byte);
            text(typed)
        }
        None => Err(Failure::usage("there is no password")),
    }
}

/// What was typed, up to the end of the line or to Ctrl-C, and that as well.
fn typed_line(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut typed = Vec::new();
    // A password that is too long is refused as that; nothing longer is kept.
    while typed.len() < TYPED_BYTES_MAX {
        let some = from.fill_buf()?;
        let some = some.get(..TYPED_BYTES_MAX - typed.len()).unwrap_or(some);
        let end = some.iter().position(|byte| matches!(*byte, b'\n' | INTERRUPT));
        let taken = end.map_or(some.len(), |end| end + 1);
        if taken == 0 {
            break;
        }
        typed.extend(some.iter().take(taken));
        from.consume(taken);
        if end.is_some() {
            break;
        }
    }
    Ok(typed)
}

/// A terminal without echo; dropped, it is as before.
struct Hidden(Termios);

impl Hidden {
    /// Ctrl-C ends the line instead of the process, which would leave the terminal without echo.
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Without a terminal there is no echo to bring back.
        tcsetattr(io::stdin(), OptionalActions::Flush, &self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_ends_at_the_line_and_at_ctrl_c_whatever_comes_behind() {
        let typed = |bytes: &[u8]| typed_line(&mut &*bytes).unwrap();
        assert_eq!(typed(b"correct\nhorse\n"), b"correct\n");
        assert_eq!(typed(b"corr\x03ect\n"), b"corr\x03");
        assert_eq!(typed(b"correct"), b"correct");
        assert_eq!(typed(b""), b"");
        assert_eq!(typed(&[b'x'; 1 << 20]).len(), TYPED_BYTES_MAX);
        // However little the terminal gives at a time.
        let mut slow = std::io::BufReader::with_capacity(2, &b"correct horse\nx"[..]);
        assert_eq!(typed_line(&mut slow).unwrap(), b"correct horse\n");
    }

    #[test]
    fn a_password_is_the_first_line_as_it_stands() {
        let read = |bytes: &[u8]| first_line(bytes).unwrap();
        assert_eq!(read(b"correct horse\n"), "correct horse");
        assert_eq!(read(b"correct horse"), "correct horse");
        assert_eq!(read(b" correct  horse \r\nsecond\n"), " correct  horse ");
        assert!(first_line(&b""[..]).is_err() && first_line(&b"\nx"[..]).is_err());
        assert!(first_line(&b"\xff\xfe\n"[..]).is_err());
        let long = "x".repeat(PASSWORD_BYTES_MAX + 100);
        assert!(read(long.as_bytes()).len() > PASSWORD_BYTES_MAX, "long enough to be refused");
    }
}
