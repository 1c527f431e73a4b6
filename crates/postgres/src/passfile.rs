//! A password from a file in the form of libpq's `.pgpass`: lines of
//! `host:port:database:user:password`, `*` for any, `\` before a colon or a backslash that is meant.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::AddressError;

/// More than any list of passwords has.
const BYTES_MAX: u64 = 1 << 20;

/// Whether a file can serve: readable, and by its owner alone.
pub(crate) fn check(file: &Path) -> Result<(), AddressError> {
    read(file).map(drop)
}

/// The password of the first line whose host, port, database and user are these.
pub(crate) fn look_up(file: &Path, wanted: [&str; 4]) -> Result<Option<String>, AddressError> {
    let text = read(file)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines.filter_map(fields).find_map(|[host, port, database, user, password]| {
        let is_meant = [host, port, database, user]
            .iter()
            .zip(wanted)
            .all(|(given, wanted)| given == "*" || given == wanted);
        is_meant.then_some(password)
    }))
}

fn read(file: &Path) -> Result<String, AddressError> {
    let failed = |source| AddressError::File { path: file.to_owned(), source };
    let about = fs::metadata(file).map_err(failed)?;
    if is_open_to_others(&about) {
        return Err(AddressError::OpenToOthers { path: file.to_owned() });
    }
    if about.len() > BYTES_MAX {
        return Err(failed(io::Error::from(io::ErrorKind::FileTooLarge)));
    }
    fs::read_to_string(file).map_err(failed)
}

/// Whether more than the owner may read a file with something secret in it.
#[cfg(unix)]
pub(crate) fn is_open_to_others(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    about.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
pub(crate) fn is_open_to_others(_about: &fs::Metadata) -> bool {
    false
}

/// The five fields of a line; the last one may have colons as they are.
fn fields(line: &str) -> Option<[String; 5]> {
    let mut fields: [String; 5] = Default::default();
    let mut number = 0;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let meant = match character {
            ':' if number < 4 => {
                number += 1;
                continue;
            }
            '\\' => characters.next()?,
            other => other,
        };
        fields.get_mut(number)?.push(meant);
    }
    (number == 4).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn written(text: &str, mode: u32) -> tempfile::NamedTempFile {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[cfg(unix)]
    #[test]
    fn the_first_line_that_fits_gives_the_password() {
        let file = written(
            "# comment\nbroken\ndb1:5432:bank:saldo:one\n*:*:bank:saldo:t\\:w\\\\o:2\n*:*:*:*:any\n",
            0o600,
        );
        let of = |host, user| look_up(file.path(), [host, "5432", "bank", user]).unwrap();
        assert_eq!(of("db1", "saldo").as_deref(), Some("one"));
        assert_eq!(of("db2", "saldo").as_deref(), Some("t:w\\o:2"));
        assert_eq!(of("db2", "owner").as_deref(), Some("any"));
        let file = written("db1:5432:bank:saldo:one\n", 0o400);
        assert_eq!(look_up(file.path(), ["db2", "5432", "bank", "saldo"]).unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o640, 0o604] {
            let file = written("*:*:*:*:any\n", mode);
            let found = check(file.path());
            assert!(matches!(found, Err(AddressError::OpenToOthers { .. })), "{found:?}");
        }
    }
}
