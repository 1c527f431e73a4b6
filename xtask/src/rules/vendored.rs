//! Files of others that are served as they are: each stands in a table with its package, version,
//! licence and hash, and is what the table says.

use sha2::{Digest, Sha256};

use super::Faults;
use crate::repository::Repository;

const FOLDER: &str = "crates/web/assets/vendor/";
const TABLE: &str = "crates/web/assets/vendor/VENDOR.md";

/// Licences under which a file may be taken, beside our own.
const LICENCES: &[&str] = &["0BSD", "MIT"];

/// Each file must have one row and each row its file, with that hash.
pub fn check(repository: &Repository) -> Faults {
    let table = match repository.text(TABLE) {
        Ok(table) => table,
        Err(fault) => return vec![fault],
    };
    let rows: Vec<Vec<&str>> =
        table.lines().filter(|line| line.starts_with("| `")).map(cells).collect();
    let mut faults = Faults::new();
    for row in &rows {
        let [file, _package, version, _path, licence, hash] = row.as_slice() else {
            faults.push(format!("{TABLE}: a row has six cells, not {}", row.len()));
            continue;
        };
        if !version.starts_with(|first: char| first.is_ascii_digit()) {
            faults.push(format!("{TABLE}: {file} has no version"));
        }
        if !LICENCES.contains(licence) {
            faults.push(format!("{TABLE}: {file} is under {licence}, which is not on the list"));
        }
        match repository.text(&format!("{FOLDER}{file}")) {
            Ok(text) if hash_of(text) == *hash => {}
            Ok(_) => faults.push(format!("{FOLDER}{file} is not the file of {TABLE}")),
            Err(fault) => faults.push(fault),
        }
    }
    for (path, _) in repository.files().filter(|(path, _)| path.starts_with(FOLDER)) {
        let file = path.strip_prefix(FOLDER).unwrap_or(path);
        let rows_count = rows.iter().filter(|row| row.first() == Some(&file)).count();
        if path != TABLE && rows_count != 1 {
            faults.push(format!("{path} has {rows_count} rows in {TABLE}"));
        }
    }
    faults
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.trim().trim_matches('|');
    inner.split('|').map(|cell| cell.trim().trim_matches('`')).collect()
}

fn hash_of(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{FOLDER, TABLE, check};
    use crate::repository::Repository;

    /// `printf abc | sha256sum`
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn faults(row: &str, file: &str, text: &str) -> Vec<String> {
        let path = format!("{FOLDER}{file}");
        check(&Repository::of(&[(TABLE, row), (&path, text)]))
    }

    #[test]
    fn a_file_with_its_row_passes() {
        let row = format!("| `a.js` | `a` | 1.0.0 | `dist/a.js` | MIT | `{ABC}` |\n");
        assert!(faults(&row, "a.js", "abc").is_empty());
    }

    #[test]
    fn a_file_that_was_changed_fails() {
        let row = format!("| `a.js` | `a` | 1.0.0 | `dist/a.js` | MIT | `{ABC}` |\n");
        assert_eq!(
            faults(&row, "a.js", "abd"),
            [format!("{FOLDER}a.js is not the file of {TABLE}")]
        );
    }

    #[test]
    fn a_file_without_a_row_and_a_row_without_its_file_fail() {
        let row = format!("| `a.js` | `a` | 1.0.0 | `dist/a.js` | MIT | `{ABC}` |\n");
        assert_eq!(
            faults(&row, "b.js", "abc"),
            [format!("{FOLDER}a.js is missing"), format!("{FOLDER}b.js has 0 rows in {TABLE}")]
        );
    }

    #[test]
    fn a_licence_that_is_not_on_the_list_and_a_missing_version_fail() {
        let row = format!("| `a.js` | `a` | newest | `dist/a.js` | GPL | `{ABC}` |\n");
        assert_eq!(faults(&row, "a.js", "abc").len(), 2);
    }
}
