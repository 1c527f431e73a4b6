//! Who is let in, by the file as it stands.
//!
//! **Invariant:** a principal that was let in stays current only while its record in the file is the
//! very same.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use thiserror::Error;

use crate::audit::{self, Entry};
use crate::error::AccessError;
use crate::file::{self, Stamp};
use crate::limit::{self, LimitFault, Reserved, Spent};
use crate::logins::{Failures, LoginPermit};
use crate::password::{self, NOBODY};
use crate::principal::Principal;
use crate::record::{Document, Kind, Proof, Record, Standing, by, certificate_name};
use crate::secret;
use crate::store::Store;
use crate::time::now_us;

/// Why somebody is not let in. To the one who asks, all but `Locked` must look the same; the audit
/// log gets the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// Nobody has this token, certificate, name or password.
    #[error("unknown")]
    Unknown,
    /// It was right once, and its time is over.
    #[error("expired")]
    Expired,
    /// It was right once, and was revoked or disabled.
    #[error("ended")]
    Ended,
    /// Too many passwords for this name were wrong. Told for names of nobody as well.
    #[error("locked")]
    Locked {
        /// Until when, in microseconds since the Unix epoch.
        until_us: u64,
    },
}

/// The file of tokens, users and certificates, and what of it is valid now. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Access(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    state: RwLock<State>,
    /// Another number after each change, written with `state` locked. No two states of any file in
    /// this process have the same.
    generation: AtomicU64,
    failures: Failures,
    under_way: Arc<AtomicUsize>,
}

/// The file as it was read.
#[derive(Debug)]
struct State {
    records: HashMap<String, Arc<Record>>,
    /// By the name in the certificate; those that ended are not here.
    certificates: HashMap<String, Arc<Record>>,
    /// What principals with a limit per day have moved, by their names.
    spent: HashMap<String, Arc<Spent>>,
    stamp: Stamp,
    /// The state of the file that was last found bad, so that it is told once.
    refused: Option<Option<Stamp>>,
}

impl State {
    fn of(document: Document, stamp: Stamp, before: Option<&Self>) -> Self {
        let mut state = Self {
            records: HashMap::new(),
            certificates: HashMap::new(),
            spent: HashMap::new(),
            stamp,
            refused: None,
        };
        for record in document.principals {
            let (name, record) = (record.by(), Arc::new(record));
            if record.grant.limits.day.is_some() {
                let kept = before.and_then(|before| before.spent.get(&name)).cloned();
                state.spent.insert(name.clone(), kept.unwrap_or_default());
            }
            if let (Proof::Certificate(certificate), None) = (&record.proof, record.ended_us) {
                state.certificates.insert(certificate.clone(), record.clone());
            }
            state.records.insert(name, record);
        }
        state
    }
}

fn next_generation() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}

impl Access {
    /// Access control is off: everybody is [`Principal::open`].
    pub const fn off() -> Self {
        Self(None)
    }

    /// By the file at `path`. Errors: it is missing, others can read it, or it is not what
    /// `docs/access.md` describes.
    pub fn open(path: &Path) -> Result<Self, AccessError> {
        let (document, stamp) = file::read(path)?;
        Ok(Self(Some(Arc::new(Shared {
            path: path.to_owned(),
            state: RwLock::new(State::of(document, stamp, None)),
            generation: AtomicU64::new(next_generation()),
            failures: Failures::default(),
            under_way: Arc::default(),
        }))))
    }

    /// Whether anybody must show who they are.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The file, for changing it; `None` when access control is off.
    pub fn store(&self) -> Option<Store> {
        self.0.as_ref().map(|shared| Store::at(&shared.path))
    }

    /// Who has this token. Errors: `Unknown`, `Expired`, `Ended`.
    pub fn token(&self, secret: &str) -> Result<Principal, Denied> {
        let Some(shared) = &self.0 else { return Ok(Principal::open()) };
        let id = secret::id_of(secret).ok_or(Denied::Unknown)?;
        let state = shared.state();
        let record = state.records.get(&by(Kind::Token, id)).ok_or(Denied::Unknown)?;
        let Proof::Token(kept) = &record.proof else { return Err(Denied::Unknown) };
        // Hashes of blake3 compare in constant time.
        match blake3::Hash::from_hex(kept) {
            Ok(kept) if kept == secret::digest(secret) => {}
            Ok(_) | Err(_) => return Err(Denied::Unknown),
        }
        shared.let_in(&state, record)
    }

    /// Who is bound to a certificate with these names (DNS names and URIs of its subject's
    /// alternatives). The caller has checked the certificate's chain and its time. Errors: `Unknown`,
    /// also when the names are bound to more than one principal; `Expired`.
    pub fn certificate(&self, names: &[&str]) -> Result<Principal, Denied> {
        let Some(shared) = &self.0 else { return Ok(Principal::open()) };
        let state = shared.state();
        let names = names.iter().filter_map(|name| certificate_name(name).ok());
        let mut bound = names.filter_map(|name| state.certificates.get(&name));
        let record = bound.next().ok_or(Denied::Unknown)?;
        if bound.any(|other| other.id != record.id) {
            return Err(Denied::Unknown);
        }
        shared.let_in(&state, record)
    }

    /// Leave to look at one password; `None` when [`LOGINS_AT_ONCE`](crate::LOGINS_AT_ONCE) are under
    /// way, and the door says that it is busy.
    pub fn logins(&self) -> Option<LoginPermit> {
        match &self.0 {
            Some(shared) => LoginPermit::take(&shared.under_way),
            None => LoginPermit::take(&Arc::default()),
        }
    }

    /// Which user has this password. Takes a core for tens of milliseconds, and as long for names of
    /// nobody: call it where blocking is allowed, with a permit of [`logins`](Self::logins) in hand.
    /// Errors: `Unknown`, `Expired`, `Ended`; `Locked` at once, after ten failures for half an hour.
    pub fn password(&self, user: &str, password: &str) -> Result<Principal, Denied> {
        let Some(shared) = &self.0 else { return Ok(Principal::open()) };
        let name = by(Kind::User, user.get(..user.floor_char_boundary(256)).unwrap_or_default());
        let (record, generation) = {
            let state = shared.state();
            (state.records.get(&name).cloned(), shared.generation())
        };
        let hash = match record.as_deref() {
            Some(Record { proof: Proof::Password(hash), .. }) => Some(hash),
            Some(_) | None => None,
        };
        let is_user = hash.is_some();
        shared
            .failures
            .begin(&name, is_user, now_us())
            .map_err(|until_us| Denied::Locked { until_us })?;
        let is_right = password::verify(password, hash.map_or(NOBODY, String::as_str)) && is_user;
        let locks = shared.failures.end(&name, is_user, is_right, now_us());
        if locks && is_user {
            // What is open in the user's name is looked at anew.
            let _state = shared.state_mut();
            shared.generation.store(next_generation(), Ordering::Release);
        }
        match record {
            Some(record) if is_right => {
                let state = shared.state();
                shared.let_in_as_of(&state, &record, generation)
            }
            Some(_) | None => Err(Denied::Unknown),
        }
    }

    /// Reads the file again if it is another; returns whether it was. A server calls it several times
    /// a second. Errors: it is bad or gone; what was valid before stays so, and the same state of the
    /// file is told once.
    pub fn refresh(&self) -> Result<bool, AccessError> {
        let Some(shared) = &self.0 else { return Ok(false) };
        let found = Stamp::look(&shared.path)?;
        {
            let state = shared.state();
            if found == Some(state.stamp) || state.refused == Some(found) {
                return Ok(false);
            }
        }
        let read = file::read(&shared.path);
        let mut state = shared.state_mut();
        let (document, stamp) = match read {
            Ok(read) => read,
            Err(error) => {
                state.refused = Some(found);
                return Err(error);
            }
        };
        let after = State::of(document, stamp, Some(&state));
        let is_same = |name: &str| {
            let (before, after) = (state.records.get(name), after.records.get(name));
            before.zip(after).is_some_and(|(before, after)| before == after)
        };
        shared.failures.keep(is_same);
        *state = after;
        shared.generation.store(next_generation(), Ordering::Release);
        Ok(true)
    }

    /// Whether a principal that was let in may still act: false once it was revoked or disabled, its
    /// time is over, its user is locked, or anything about it was changed. A comparison of two
    /// numbers, and of the time where the principal has an end; doors ask before every batch.
    pub fn is_current(&self, principal: &Principal) -> bool {
        let (Some(shared), Some(known)) = (&self.0, principal.as_known()) else {
            return !self.is_on() && principal.is_open();
        };
        if known.record.grant.expires_us.is_some_and(|expires_us| expires_us <= now_us()) {
            return false;
        }
        if known.was_current_at(shared.generation.load(Ordering::Acquire)) {
            return true;
        }
        let state = shared.state();
        let is_same = state.records.get(&known.by).is_some_and(|record| *record == known.record);
        let is_current = is_same
            && known.record.ended_us.is_none()
            && !shared.failures.is_locked(&known.by, now_us());
        if is_current {
            known.is_current_at(shared.generation());
        }
        is_current
    }

    /// Counts `amount`, in minor units, against the principal's limits before it moves. `now_us`: the
    /// time, in microseconds since the Unix epoch. [`Reserved::keep`] says that it moved, or may have;
    /// dropped, it is given back. Errors: it passes a limit.
    pub fn reserve(
        &self,
        principal: &Principal,
        amount: u64,
        now_us: u64,
    ) -> Result<Reserved, LimitFault> {
        match principal.as_known() {
            None => Ok(Reserved::nothing()),
            Some(known) => {
                limit::reserve(&known.record.grant.limits, known.spent.as_ref(), amount, now_us)
            }
        }
    }

    /// Tells what a principal has moved in `day` ([`day_of`](crate::day_of)), as a start reads it in
    /// the journal. Whoever has no limit per day is not counted.
    pub fn note_spent(&self, by: &str, day: u64, amount: u64) {
        let Some(shared) = &self.0 else { return };
        if let Some(spent) = shared.state().spent.get(by) {
            spent.note(day, amount);
        }
    }

    /// Appends to the audit log beside the file, synced on return; where access control is off, to
    /// the server's log alone. Errors: the log cannot be written, so the act must not be answered.
    pub fn audit(&self, entry: &Entry<'_>) -> Result<(), AccessError> {
        match &self.0 {
            Some(shared) => audit::append(&audit::beside(&shared.path), entry),
            None => {
                audit::tell(entry);
                Ok(())
            }
        }
    }
}

impl Shared {
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn let_in(&self, state: &State, record: &Arc<Record>) -> Result<Principal, Denied> {
        self.let_in_as_of(state, record, self.generation())
    }

    fn let_in_as_of(
        &self,
        state: &State,
        record: &Arc<Record>,
        generation: u64,
    ) -> Result<Principal, Denied> {
        match record.standing(now_us()) {
            Standing::Active => {
                let spent = state.spent.get(&record.by()).cloned();
                Ok(Principal::known(record.clone(), spent, generation))
            }
            Standing::Expired => Err(Denied::Expired),
            Standing::Ended => Err(Denied::Ended),
        }
    }
}
