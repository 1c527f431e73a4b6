//! Changes to the file of access, from the command line or from a door. A server sees them at its
//! next [`Access::refresh`](crate::Access::refresh), whoever made them.
//!
//! **Invariant:** a change stands in the audit log, synced, before it stands in the file.

use std::io;
use std::path::{Path, PathBuf};

use crate::audit::{self, Entry};
use crate::error::{AccessError, ChangeError, Refusal};
use crate::file;
use crate::password;
use crate::record::{Document, Grant, Kind, Listed, Proof, Record, certificate_name, user_name};
use crate::secret::{self, Secret};
use crate::time::now_us;

/// How often an id is drawn again that somebody has.
const ID_TRIES: usize = 16;

/// The file of access, for changing it.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

/// Who makes a change, for the audit log.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// The principal's name, or `uid:1000` at the command line.
    pub who: &'a str,
    /// An address, or `command line`.
    pub from: &'a str,
}

/// A token that was made.
#[derive(Debug)]
pub struct Issued {
    /// Its short id, which is not secret.
    pub id: String,
    /// Its name in the journal.
    pub by: String,
    /// What lets in. It is kept nowhere.
    pub secret: Secret,
}

impl Store {
    /// Of the file at `path`, which is made by the first change.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everybody in the file, in the order in which they were added; nobody when there is no file.
    pub fn list(&self) -> Result<Vec<Listed>, AccessError> {
        let (document, now_us) = (self.read()?, now_us());
        Ok(document.principals.iter().map(|record| record.listed(now_us)).collect())
    }

    /// Makes a token. Errors: the grant makes no sense, or the file cannot be used.
    pub fn new_token(&self, grant: &Grant, actor: &Actor<'_>) -> Result<Issued, ChangeError> {
        self.change(actor, "token new", |document, now_us| {
            let id = free_id(document, Kind::Token)?;
            let secret = secret::new_secret(&id).map_err(|_| Refusal::NoRandomness)?;
            let digest = secret::digest(secret.reveal()).to_hex().to_string();
            let by = add(document, &id, Proof::Token(digest), grant, now_us)?;
            Ok((by.clone(), Issued { id, by, secret }))
        })
    }

    /// Binds a name in client certificates to a principal; returns its short id. Errors: `Taken`
    /// when the name is bound already, and those of a token.
    pub fn bind_certificate(
        &self,
        name: &str,
        grant: &Grant,
        actor: &Actor<'_>,
    ) -> Result<String, ChangeError> {
        self.change(actor, "token certificate", |document, now_us| {
            let name = certificate_name(name)?;
            if document.bound_to(&name).is_some() {
                return Err(Refusal::Taken { name });
            }
            let id = free_id(document, Kind::Certificate)?;
            let by = add(document, &id, Proof::Certificate(name), grant, now_us)?;
            Ok((by, id))
        })
    }

    /// Ends a token, or the binding of a certificate, by its short id; returns its name in the
    /// journal. Errors: `Unknown`, `Ended`.
    pub fn revoke(&self, id: &str, actor: &Actor<'_>) -> Result<String, ChangeError> {
        self.change(actor, "token revoke", |document, now_us| {
            let kinds = [Kind::Token, Kind::Certificate];
            let kind = kinds.into_iter().find(|kind| document.find(*kind, id).is_some());
            let by = end(document, kind.unwrap_or(Kind::Token), id, now_us)?;
            Ok((by.clone(), by))
        })
    }

    /// Adds a user. Hashes the password, which takes tens of milliseconds. Errors: `Taken`,
    /// `UserName`, `PasswordLength`, and those of a token.
    pub fn add_user(
        &self,
        name: &str,
        password: &str,
        grant: &Grant,
        actor: &Actor<'_>,
    ) -> Result<(), ChangeError> {
        user_name(name)?;
        let hash = password::hash(password)?;
        self.change(actor, "user add", |document, now_us| {
            if let Some(taken) = document.find(Kind::User, name) {
                return Err(Refusal::Taken { name: taken.by() });
            }
            let by = add(document, name, Proof::Password(hash), grant, now_us)?;
            Ok((by, ()))
        })
    }

    /// Gives a user another password, which also ends a lock and everything that is open in the
    /// user's name. Errors: `Unknown`, `PasswordLength`.
    pub fn set_password(
        &self,
        name: &str,
        password: &str,
        actor: &Actor<'_>,
    ) -> Result<(), ChangeError> {
        let hash = password::hash(password)?;
        self.change(actor, "user passwd", |document, _| {
            let record = find_mut(document, Kind::User, name)?;
            record.proof = Proof::Password(hash);
            Ok((record.by(), ()))
        })
    }

    /// Lets a user in no more. Errors: `Unknown`, `Ended`.
    pub fn disable_user(&self, name: &str, actor: &Actor<'_>) -> Result<(), ChangeError> {
        self.change(actor, "user disable", |document, now_us| {
            Ok((end(document, Kind::User, name, now_us)?, ()))
        })
    }

    /// Takes a user out of the file. Errors: `Unknown`.
    pub fn remove_user(&self, name: &str, actor: &Actor<'_>) -> Result<(), ChangeError> {
        self.change(actor, "user remove", |document, _| {
            let by = find_mut(document, Kind::User, name)?.by();
            document.principals.retain(|record| record.by() != by);
            Ok((by, ()))
        })
    }

    fn read(&self) -> Result<Document, AccessError> {
        match file::read(&self.path) {
            Ok((document, _)) => Ok(document),
            Err(AccessError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Document::empty())
            }
            Err(error) => Err(error),
        }
    }

    /// Reads, changes and writes the file under its lock. `change` returns whom it is about.
    fn change<T>(
        &self,
        actor: &Actor<'_>,
        what: &str,
        change: impl FnOnce(&mut Document, u64) -> Result<(String, T), Refusal>,
    ) -> Result<T, ChangeError> {
        let _lock = file::lock(&self.path)?;
        let mut document = self.read()?;
        let (about, made) = change(&mut document, now_us())?;
        let prepared = file::prepare(&self.path, &document)?;
        let log = audit::beside(&self.path);
        let Actor { who, from } = *actor;
        let entry = Entry { who, what, about: &about, from, result: "done" };
        audit::append(&log, &entry)?;
        if let Err(error) = prepared.publish() {
            audit::append(&log, &Entry { result: "failed", ..entry })?;
            return Err(error.into());
        }
        Ok(made)
    }
}

fn free_id(document: &Document, kind: Kind) -> Result<String, Refusal> {
    for _ in 0..ID_TRIES {
        let id = secret::new_id().map_err(|_| Refusal::NoRandomness)?;
        if document.find(kind, &id).is_none() {
            return Ok(id);
        }
    }
    Err(Refusal::NoRandomness)
}

fn add(
    document: &mut Document,
    id: &str,
    proof: Proof,
    grant: &Grant,
    now_us: u64,
) -> Result<String, Refusal> {
    if grant.expires_us.is_some_and(|expires_us| expires_us <= now_us) {
        return Err(Refusal::Over);
    }
    let (id, grant) = (id.to_owned(), grant.clone());
    let record = Record { id, proof, grant, created_us: now_us, ended_us: None };
    let by = record.by();
    document.add(record)?;
    Ok(by)
}

fn find_mut<'d>(
    document: &'d mut Document,
    kind: Kind,
    id: &str,
) -> Result<&'d mut Record, Refusal> {
    let name = crate::record::by(kind, id);
    document.find_mut(kind, id).ok_or(Refusal::Unknown { name })
}

fn end(document: &mut Document, kind: Kind, id: &str, now_us: u64) -> Result<String, Refusal> {
    let record = find_mut(document, kind, id)?;
    if record.ended_us.is_some() {
        return Err(Refusal::Ended { name: record.by() });
    }
    record.ended_us = Some(now_us);
    Ok(record.by())
}
