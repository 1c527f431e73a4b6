//! Which names a disk accepts: a plain file name in the data folder, or `quarantine/NAME`.

use std::io;

/// The file whose lock keeps a second process out of the data folder. Never deleted.
pub const LOCK: &str = "LOCK";

/// The folder inside the data folder that holds what recovery set aside.
pub const QUARANTINE: &str = "quarantine";

/// Refuses a name that is empty, that would leave the data folder, or that is a folder's own.
/// Errors: `InvalidInput`.
pub(super) fn check(name: &str) -> io::Result<()> {
    let plain = within_quarantine(name).unwrap_or(name);
    let refused =
        matches!(plain, "" | "." | "..") || plain.contains(['/', '\0']) || name == QUARANTINE;
    if refused {
        let message = format!("{name:?} is not the name of a file in the data folder");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(())
}

/// The part of a name behind `quarantine/`; `None` for a file directly in the data folder.
pub(super) fn within_quarantine(name: &str) -> Option<&str> {
    name.strip_prefix(QUARANTINE)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        let refused = [
            "",
            ".",
            "..",
            "/",
            "/etc/passwd",
            "../state.json",
            "a/b",
            "a/",
            "quarantine",
            "quarantine/",
            "quarantine/.",
            "quarantine/..",
            "quarantine/../x",
            "quarantine/a/b",
            "a\0b",
        ];
        for name in refused {
            let error = check(name).expect_err(name);
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name:?}");
        }
    }

    #[test]
    fn a_plain_name_and_a_quarantined_one_are_accepted() {
        for name in ["LOCK", "state.json", "a..b", "quarantine/tail-3", "quarantined", "ação"] {
            check(name).expect(name);
        }
    }
}
