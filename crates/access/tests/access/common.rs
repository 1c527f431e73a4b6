//! A folder with an access file, and hands to change it.

use std::path::PathBuf;

use access::{Access, Actor, Grant, Issued, Role, Store};
use tempfile::TempDir;

pub const ACTOR: Actor<'_> = Actor { who: "uid:1000", from: "test" };

pub struct Place {
    pub folder: TempDir,
    pub path: PathBuf,
    pub store: Store,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.json");
        let store = Store::at(&path);
        Self { folder, path, store }
    }

    pub fn token(&self, grant: &Grant) -> Issued {
        self.store.new_token(grant, &ACTOR).unwrap()
    }

    pub fn open(&self) -> Access {
        Access::open(&self.path).unwrap()
    }

    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }
}

pub fn teller() -> Grant {
    Grant::of(Role::Teller)
}

pub fn customer(accounts: &[&str]) -> Grant {
    let accounts = accounts.iter().map(|name| (*name).to_owned()).collect();
    Grant { accounts, ..Grant::of(Role::Customer) }
}
