//! The lines of earlier sessions, in a file that only its owner reads, without those that hold a
//! secret.

use std::env;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;

use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery,
};

/// Most lines that are kept.
const LINES_MAX: usize = 1_000;

/// Words that stand near secrets; where one is, the line is not kept.
const SECRETIVE: [&str; 4] = ["passw", "secret", "token", "\"auth\""];

/// Lines that may be kept.
pub struct Discreet(FileBackedHistory);

impl Discreet {
    /// The history in the person's folder for such files; `None`: there is no such folder, and
    /// nothing is kept. Errors: the file cannot be made, or cannot be closed to others.
    pub fn open() -> io::Result<Option<Self>> {
        let absolute =
            |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        let Some(folder) = folder.map(|folder| folder.join("saldo")) else { return Ok(None) };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let file = folder.join("history");
        OpenOptions::new().append(true).create(true).mode(0o600).open(&file)?;
        // It may have been there, open to others.
        fs::set_permissions(&file, Permissions::from_mode(0o600))?;
        FileBackedHistory::with_file(LINES_MAX, file)
            .map(|kept| Some(Self(kept)))
            .map_err(io::Error::other)
    }
}

/// Whether a line may hold a secret: a token, a password, an address with one in it.
pub fn holds_a_secret(line: &str) -> bool {
    let line = line.to_lowercase();
    let has_login = line.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    has_login || SECRETIVE.iter().any(|word| line.contains(word))
}

impl History for Discreet {
    fn save(&mut self, item: HistoryItem) -> Result<HistoryItem> {
        if holds_a_secret(&item.command_line) { Ok(item) } else { self.0.save(item) }
    }

    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.0.load(id)
    }

    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.0.count(query)
    }

    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.0.search(query)
    }

    fn update(
        &mut self,
        id: HistoryItemId,
        updater: &dyn Fn(HistoryItem) -> HistoryItem,
    ) -> Result<()> {
        self.0.update(id, updater)
    }

    fn clear(&mut self) -> Result<()> {
        self.0.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.0.delete(id)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.0.session()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_secret_is_told_from_one_without() {
        for line in [
            "verify postgres://owner:pw@h/b",
            r#"\raw {"cmd":"auth","token":"saldo_k_x"}"#,
            "balance alice --TOKEN x",
            "user passwd ana",
        ] {
            assert!(holds_a_secret(line), "{line}");
        }
        for line in ["transfer alice bob 5", "verify postgres://h/b", "balance a@b"] {
            assert!(!holds_a_secret(line), "{line}");
        }
    }
}
