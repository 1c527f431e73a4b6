//! What the file holds about each principal, and what a file must hold to be believed.

use std::collections::HashSet;

use ledger::AccountId;
use serde::{Deserialize, Serialize};

use crate::error::Refusal;
use crate::limit::Limits;
use crate::role::Role;
use crate::{password, secret};

/// The format that this program writes and reads.
pub(crate) const FORMAT: &str = "saldo.access/1";

/// Most principals in a file, those included that have ended.
pub(crate) const PRINCIPALS_MAX: usize = 10_000;
/// Most accounts of one customer.
const ACCOUNTS_MAX: usize = 256;
const NOTE_BYTES_MAX: usize = 256;
const CERTIFICATE_BYTES_MAX: usize = 255;
/// So that `user:` and the name together have at most 64 bytes.
const USER_BYTES_MAX: usize = 59;

/// How a principal shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// By a random secret.
    Token,
    /// By a client certificate, over TLS.
    Certificate,
    /// By a password: a person.
    User,
}

impl Kind {
    /// The word before the colon in a principal's name for the journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Certificate => "certificate",
            Self::User => "user",
        }
    }
}

/// What a principal is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Its column in the table.
    pub role: Role,
    /// Names of its own accounts: at least one for a customer, none for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// Most that it moves.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
    /// When it ends by itself, in microseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_us: Option<u64>,
    /// What it is for, in the words of who gave it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Grant {
    /// Of a role and nothing else.
    pub const fn of(role: Role) -> Self {
        let limits = Limits { transaction: None, day: None };
        Self { role, accounts: Vec::new(), limits, expires_us: None, note: String::new() }
    }

    /// Errors: what of it makes no sense.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let is_customer = self.role == Role::Customer;
        if is_customer && self.accounts.is_empty() {
            return Err(Refusal::NoAccounts);
        }
        if !is_customer && !self.accounts.is_empty() {
            return Err(Refusal::AccountsOf { role: self.role });
        }
        if self.accounts.len() > ACCOUNTS_MAX {
            return Err(Refusal::TooManyAccounts { max: ACCOUNTS_MAX });
        }
        for account in &self.accounts {
            AccountId::new(account.as_str())
                .map_err(|fault| Refusal::Account { name: account.clone(), fault })?;
        }
        if !self.limits.is_none() && !self.role.moves_money() {
            return Err(Refusal::LimitsOf { role: self.role });
        }
        if !self.limits.are_amounts() {
            return Err(Refusal::Limits);
        }
        if self.note.len() > NOTE_BYTES_MAX || self.note.chars().any(char::is_control) {
            return Err(Refusal::Note { max: NOTE_BYTES_MAX });
        }
        Ok(())
    }
}

/// By what a principal is known again. Nothing here lets anybody in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Proof {
    /// The digest of a token, 64 hexadecimal digits.
    Token(String),
    /// The name in a certificate.
    Certificate(String),
    /// Argon2id of a password, in PHC form.
    Password(String),
}

impl Proof {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Token(_) => Kind::Token,
            Self::Certificate(_) => Kind::Certificate,
            Self::Password(_) => Kind::User,
        }
    }

    fn is_sound(&self) -> bool {
        match self {
            Self::Token(digest) => blake3::Hash::from_hex(digest).is_ok(),
            Self::Certificate(name) => certificate_name(name).is_ok_and(|read| read == *name),
            Self::Password(hash) => password::is_sound(hash),
        }
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Certificate(name) => f.debug_tuple("Certificate").field(name).finish(),
            // A digest is no secret, and nobody needs it in a log.
            Self::Token(_) => f.write_str("Token(…)"),
            Self::Password(_) => f.write_str("Password(…)"),
        }
    }
}

/// A principal, as the file holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// The short id of a token or a certificate, the name of a user.
    pub(crate) id: String,
    pub(crate) proof: Proof,
    pub(crate) grant: Grant,
    pub(crate) created_us: u64,
    /// When it was revoked or disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended_us: Option<u64>,
}

/// Where a principal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is let in.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked, or, of a user, disabled.
    Ended,
}

impl Standing {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Ended => "ended",
        }
    }
}

impl Record {
    /// `token:k7f3q2ab`, `user:ana`: 1 to 64 bytes, never given to two.
    pub(crate) fn by(&self) -> String {
        by(self.proof.kind(), &self.id)
    }

    pub(crate) fn standing(&self, now_us: u64) -> Standing {
        if self.ended_us.is_some() {
            Standing::Ended
        } else if self.grant.expires_us.is_some_and(|expires_us| expires_us <= now_us) {
            Standing::Expired
        } else {
            Standing::Active
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let is_id = match self.proof.kind() {
            Kind::User => user_name(&self.id).is_ok(),
            Kind::Token | Kind::Certificate => secret::is_id(&self.id),
        };
        if !is_id || !self.proof.is_sound() {
            return Err(Refusal::Record { by: self.by() });
        }
        self.grant.check()
    }

    pub(crate) fn listed(&self, now_us: u64) -> Listed {
        Listed {
            by: self.by(),
            kind: self.proof.kind(),
            id: self.id.clone(),
            certificate: match &self.proof {
                Proof::Certificate(name) => Some(name.clone()),
                Proof::Token(_) | Proof::Password(_) => None,
            },
            grant: self.grant.clone(),
            created_us: self.created_us,
            ended_us: self.ended_us,
            standing: self.standing(now_us),
        }
    }
}

/// The name of a principal for the journal.
pub(crate) fn by(kind: Kind, id: &str) -> String {
    format!("{}:{id}", kind.name())
}

/// A principal as lists show it. Times are microseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name in the journal.
    pub by: String,
    /// How it shows who it is.
    pub kind: Kind,
    /// The short id of a token or a certificate, the name of a user.
    pub id: String,
    /// The name in the certificate, of a certificate.
    pub certificate: Option<String>,
    /// What it is given.
    pub grant: Grant,
    /// When it was made.
    pub created_us: u64,
    /// When it was revoked or disabled.
    pub ended_us: Option<u64>,
    /// Where it stands.
    pub standing: Standing,
}

/// The file, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) format: String,
    pub(crate) principals: Vec<Record>,
}

impl Document {
    pub(crate) fn empty() -> Self {
        Self { format: FORMAT.to_owned(), principals: Vec::new() }
    }

    pub(crate) fn find(&self, kind: Kind, id: &str) -> Option<&Record> {
        self.principals.iter().find(|record| record.proof.kind() == kind && record.id == id)
    }

    pub(crate) fn find_mut(&mut self, kind: Kind, id: &str) -> Option<&mut Record> {
        self.principals.iter_mut().find(|record| record.proof.kind() == kind && record.id == id)
    }

    /// Who is bound to this name of a certificate, unless that has ended.
    pub(crate) fn bound_to(&self, certificate: &str) -> Option<&Record> {
        let is_it = |record: &&Record| matches!(&record.proof, Proof::Certificate(name) if name == certificate);
        self.principals.iter().filter(is_it).find(|record| record.ended_us.is_none())
    }

    /// Adds a principal. In a full file it takes the place of the one that ended first.
    pub(crate) fn add(&mut self, record: Record) -> Result<(), Refusal> {
        record.check()?;
        if self.principals.len() >= PRINCIPALS_MAX {
            let places = self.principals.iter().enumerate();
            let ended = places.filter_map(|(place, record)| Some((record.ended_us?, place))).min();
            let (_, place) = ended.ok_or(Refusal::Full { max: PRINCIPALS_MAX })?;
            self.principals.remove(place);
        }
        self.principals.push(record);
        Ok(())
    }

    /// Errors: what of it cannot be.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.principals.len() > PRINCIPALS_MAX {
            return Err(Refusal::Full { max: PRINCIPALS_MAX });
        }
        let (mut names, mut certificates) = (HashSet::new(), HashSet::new());
        for record in &self.principals {
            record.check()?;
            if !names.insert(record.by()) {
                return Err(Refusal::Taken { name: record.by() });
            }
            if let (Proof::Certificate(name), None) = (&record.proof, record.ended_us)
                && !certificates.insert(name)
            {
                return Err(Refusal::Taken { name: name.clone() });
            }
        }
        Ok(())
    }
}

/// Reads the name of a user: 1 to 59 of `a` to `z`, digits, and `. _ - @`, the first a letter or a
/// digit. So no two names look the same.
pub(crate) fn user_name(name: &str) -> Result<(), Refusal> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = name.len() <= USER_BYTES_MAX
        && name.bytes().next().is_some_and(is_plain)
        && name.bytes().all(|byte| is_plain(byte) || b"._-@".contains(&byte));
    if fits { Ok(()) } else { Err(Refusal::UserName { max: USER_BYTES_MAX }) }
}

/// Reads the name in a certificate, a DNS name or a URI such as `spiffe://bank/till`; the DNS name
/// in small letters.
pub(crate) fn certificate_name(name: &str) -> Result<String, Refusal> {
    let is_printable = name.bytes().all(|byte| byte.is_ascii_graphic());
    if name.is_empty() || name.len() > CERTIFICATE_BYTES_MAX || !is_printable || name.contains('*')
    {
        return Err(Refusal::CertificateName { max: CERTIFICATE_BYTES_MAX });
    }
    Ok(if name.contains("://") { name.to_owned() } else { name.to_ascii_lowercase() })
}
