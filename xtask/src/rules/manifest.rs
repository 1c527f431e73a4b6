//! Reads the dependencies out of a `Cargo.toml`.

use toml::{Table, Value};

use crate::repository::Member;

/// For what a crate depends on something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `[dependencies]` and `[build-dependencies]`.
    Normal,
    /// `[dependencies]` with `optional = true`.
    Optional,
    /// `[dev-dependencies]`.
    Dev,
}

/// One dependency of a member.
#[derive(Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The package's name, also where the member renames it.
    pub name: String,
    /// For what.
    pub kind: Kind,
    /// Whether version and features come from the workspace.
    pub from_workspace: bool,
}

/// All dependencies of a member, those for single targets included.
pub fn dependencies(member: &Member<'_>) -> Vec<Dependency> {
    let mut found = Vec::new();
    collect(&member.manifest, &mut found);
    let targets = member.manifest.get("target").and_then(Value::as_table);
    for target in targets.into_iter().flat_map(Table::values) {
        if let Some(table) = target.as_table() {
            collect(table, &mut found);
        }
    }
    found
}

fn collect(table: &Table, found: &mut Vec<Dependency>) {
    let sections = [
        ("dependencies", Kind::Normal),
        ("build-dependencies", Kind::Normal),
        ("dev-dependencies", Kind::Dev),
    ];
    for (section, kind) in sections {
        let entries = table.get(section).and_then(Value::as_table);
        for (key, value) in entries.into_iter().flatten() {
            let is_set = |field| value.get(field).and_then(Value::as_bool) == Some(true);
            let name = value.get("package").and_then(Value::as_str).unwrap_or(key).to_owned();
            let kind =
                if kind == Kind::Normal && is_set("optional") { Kind::Optional } else { kind };
            found.push(Dependency { name, kind, from_workspace: is_set("workspace") });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dependency, Kind, dependencies};
    use crate::repository::Repository;

    #[test]
    fn every_section_is_read_and_a_renamed_package_keeps_its_name() {
        let repository = Repository::of(&[(
            "crates/journal/Cargo.toml",
            "[package]\nname = \"journal\"\n\
             [dependencies]\nshuttle = { workspace = true, optional = true }\n\
             [target.'cfg(unix)'.dependencies]\nsystem = { package = \"rustix\", version = \"1\" }\n\
             [dev-dependencies]\ntempfile.workspace = true\n",
        )]);
        let members = repository.members().unwrap();
        let found = dependencies(members.first().unwrap());
        let expected = [
            ("shuttle", Kind::Optional, true),
            ("tempfile", Kind::Dev, true),
            ("rustix", Kind::Normal, false),
        ]
        .map(|(name, kind, from_workspace)| Dependency {
            name: name.into(),
            kind,
            from_workspace,
        });
        assert_eq!(found, expected);
    }
}
