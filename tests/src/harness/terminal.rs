//! A terminal with a program on it: what a person types and sees.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::run::wait;
use super::until;

/// How an editor of lines asks where the cursor is, and what a terminal answers.
const WHERE_IS_THE_CURSOR: &[u8] = b"\x1b[6n";
const IN_THE_CORNER: &[u8] = b"\x1b[1;1R";

/// The terminal. Dropping it kills the program.
pub struct Terminal {
    keys: File,
    child: Child,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Runs a program on a terminal of 80 columns.
    pub fn run(mut command: Command) -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&person, size).unwrap();
        let program: OwnedFd = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        command.stdin(Stdio::from(program.try_clone().unwrap()));
        command.stdout(Stdio::from(program.try_clone().unwrap()));
        command.stderr(Stdio::from(program));
        let child = command.env("TERM", "xterm").spawn().unwrap();
        // The command holds the program's side too; without it, the end of the program is seen here.
        drop(command);
        let keys = File::from(person);
        let (mut screen, mut answers) = (keys.try_clone().unwrap(), keys.try_clone().unwrap());
        let shown = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&shown);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of the program is an error here, as Linux has it.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                let new = &bytes[..count];
                let asked = new.windows(WHERE_IS_THE_CURSOR.len());
                for _ in asked.filter(|bytes| *bytes == WHERE_IS_THE_CURSOR) {
                    if answers.write_all(IN_THE_CORNER).is_err() {
                        return;
                    }
                }
                seen.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
            }
        });
        Self { keys, child, shown }
    }

    /// Types this.
    pub fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is shown, and forgets everything that was shown up to its end.
    pub fn shows(&self, text: &str) {
        until(text, || {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let at = shown.windows(text.len()).position(|bytes| bytes == text.as_bytes())?;
            shown.drain(..at + text.len());
            Some(())
        });
    }

    /// Waits for the end of the program; returns its number.
    pub fn ends(&mut self) -> Option<i32> {
        wait(&mut self.child, "the program on the terminal").code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended, and been awaited.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
