//! One place for version, edition, licence and lints: the workspace.

use toml::Value;

use super::Faults;
use crate::repository::Repository;

const FIELDS: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

/// Every member must inherit the fields and the lint table, and say in a line what it is.
pub fn check(repository: &Repository) -> Faults {
    let members = match repository.members() {
        Ok(members) => members,
        Err(fault) => return vec![fault],
    };
    let mut faults = Faults::new();
    for member in &members {
        let path = member.manifest_path;
        let package = member.manifest.get("package");
        for field in FIELDS {
            if !is_inherited(package.and_then(|package| package.get(field))) {
                faults.push(format!("{path}: must say `{field}.workspace = true`"));
            }
        }
        if package.and_then(|package| package.get("description")).is_none() {
            faults.push(format!("{path}: has no description"));
        }
        if !is_inherited(member.manifest.get("lints")) {
            faults.push(format!("{path}: must say `[lints] workspace = true`"));
        }
    }
    faults
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::Repository;

    const WHOLE: &str = "[package]\nname = \"ledger\"\ndescription = \"What a bank does\"\n\
        version.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
        license.workspace = true\npublish.workspace = true\n[lints]\nworkspace = true\n";

    fn faults(manifest: &str) -> Vec<String> {
        check(&Repository::of(&[("crates/ledger/Cargo.toml", manifest)]))
    }

    #[test]
    fn a_whole_manifest_passes() {
        assert!(faults(WHOLE).is_empty());
    }

    #[test]
    fn a_field_of_its_own_fails() {
        let own = WHOLE.replace("edition.workspace = true", "edition = \"2021\"");
        assert_eq!(faults(&own), ["crates/ledger/Cargo.toml: must say `edition.workspace = true`"]);
    }

    #[test]
    fn missing_lints_and_a_missing_description_fail() {
        let bare = WHOLE
            .replace("[lints]\nworkspace = true\n", "")
            .replace("description = \"What a bank does\"\n", "");
        assert_eq!(
            faults(&bare),
            [
                "crates/ledger/Cargo.toml: has no description",
                "crates/ledger/Cargo.toml: must say `[lints] workspace = true`"
            ]
        );
    }
}
