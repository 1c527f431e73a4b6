//! Packages that must not be in the tree at all: one TLS stack, one crypto provider, and neither of
//! these.

use super::Faults;
use crate::repository::Repository;

const BANNED: &[&str] = &["native-tls", "openssl", "openssl-sys", "ring"];

/// No package that is compiled may be a banned one.
pub fn check(repository: &Repository) -> Faults {
    repository
        .packages()
        .filter(|name| BANNED.contains(name))
        .map(|name| format!("{name} is banned; `cargo tree --invert {name}` says why it came"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::Repository;

    #[test]
    fn a_banned_package_fails_and_one_with_a_like_name_does_not() {
        let faults = check(&Repository::built_from(&["serde", "ring", "openssl-probe"]));
        assert_eq!(faults, ["ring is banned; `cargo tree --invert ring` says why it came"]);
    }
}
