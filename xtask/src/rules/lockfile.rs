//! Packages that must not be in the tree at all: one TLS stack, one crypto provider, and neither of
//! these.

use toml::{Table, Value};

use super::Faults;
use crate::repository::Repository;

const BANNED: &[&str] = &["native-tls", "openssl", "openssl-sys", "ring"];

/// `Cargo.lock` must be there and name no banned package.
pub fn check(repository: &Repository) -> Faults {
    let lock = repository
        .text("Cargo.lock")
        .and_then(|text| text.parse::<Table>().map_err(|error| format!("Cargo.lock: {error}")));
    let lock = match lock {
        Ok(lock) => lock,
        Err(fault) => return vec![fault],
    };
    let packages = lock.get("package").and_then(Value::as_array);
    packages
        .into_iter()
        .flatten()
        .filter_map(|package| package.get("name").and_then(Value::as_str))
        .filter(|name| BANNED.contains(name))
        .map(|name| {
            format!("Cargo.lock: {name} is banned; `cargo tree --invert {name}` says why it came")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::Repository;

    #[test]
    fn a_banned_package_fails_however_deep() {
        let lock = "version = 4\n[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\n\
                    [[package]]\nname = \"ring\"\nversion = \"0.17.14\"\n";
        let faults = check(&Repository::of(&[("Cargo.lock", lock)]));
        assert_eq!(faults.len(), 1);
        assert!(faults.iter().all(|fault| fault.starts_with("Cargo.lock: ring is banned")));
    }

    #[test]
    fn a_missing_lock_file_fails() {
        assert_eq!(check(&Repository::of(&[])), ["Cargo.lock is missing"]);
    }
}
