//! A data folder that lives as long as its test.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A temporary folder with a place for a bank in it, `saldo-data`, which the server makes.
pub struct Folder {
    around: TempDir,
}

impl Folder {
    /// A new one.
    pub fn new() -> Self {
        Self { around: tempfile::Builder::new().prefix("saldo-test-").tempdir().unwrap() }
    }

    /// A copy of another one's data, but for the lock.
    pub fn copy_of(other: &Self) -> Self {
        let copy = Self::new();
        fs::DirBuilder::new().mode(0o700).create(copy.data()).unwrap();
        for (name, bytes) in other.image() {
            let path = copy.file(&name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        copy
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.around.path().join("saldo-data")
    }

    /// The folder around it.
    pub fn around(&self) -> &Path {
        self.around.path()
    }

    /// A file of the data folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    /// The bytes of a file of the data folder.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Overwrites a file of the data folder.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.file(name), bytes).unwrap();
    }

    /// Every file below the data folder with its bytes, in the order of their names, but for the
    /// lock, whose content is for people and rewritten at will. No server may be running.
    pub fn image(&self) -> Vec<(String, Vec<u8>)> {
        let mut image = Vec::new();
        collect(&self.data(), "", &mut image);
        image.retain(|(name, _)| name != "LOCK");
        image.sort();
        image
    }

    /// The names of the closed journal files, oldest first. The server may be running.
    pub fn closed_files(&self) -> Vec<String> {
        let names = fs::read_dir(self.data()).unwrap();
        let mut closed: Vec<(u64, String)> = names
            .filter_map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                let (first, _) = name.strip_prefix("transactions.")?.split_once('-')?;
                Some((first.parse().ok()?, name.clone()))
            })
            .collect();
        closed.sort();
        closed.into_iter().map(|(_, name)| name).collect()
    }
}

fn collect(folder: &Path, prefix: &str, image: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), image);
        } else {
            image.push((name, fs::read(entry.path()).unwrap()));
        }
    }
}
