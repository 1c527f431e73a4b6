//! The mark of a folder whose copying was not finished: the file `COPYING`.
//!
//! **Invariant:** the mark is durable before the first event is written, and goes only when the folder
//! was proven to hold all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::exit_code::Exit;
use crate::failure::Failure;

/// Its name.
pub const MARK: &str = "COPYING";

const TEXT: &str = "saldo copy is not finished: this folder holds the beginning of a bank. \
    Run the same copy again.\n";

/// Whether the folder is marked.
pub fn is_marked(folder: &Path) -> io::Result<bool> {
    fs::exists(folder.join(MARK))
}

/// Marks the folder, durably.
pub fn set(folder: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut mark = options.open(folder.join(MARK))?;
    mark.write_all(TEXT.as_bytes())?;
    mark.sync_all()?;
    File::open(folder)?.sync_all()
}

/// Takes the mark away, durably.
pub fn clear(folder: &Path) -> io::Result<()> {
    fs::remove_file(folder.join(MARK))?;
    File::open(folder)?.sync_all()
}

/// Refuses a folder with the mark. One that is not there has none.
pub fn must_be_finished(folder: &Path) -> Result<(), Failure> {
    match is_marked(folder) {
        Ok(true) => {
            let text = format!("{}: a copy into it was not finished", folder.display());
            Err(Failure::new(Exit::Usage, "copy_unfinished", text)
                .hint("run the same saldo copy again; it goes on where it stopped"))
        }
        // What keeps the mark from being seen keeps the folder from being opened, which tells it.
        Ok(false) | Err(_) => Ok(()),
    }
}
