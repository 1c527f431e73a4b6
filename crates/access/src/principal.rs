//! Who asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

use crate::act::Act;
use crate::limit::Spent;
use crate::record::{Proof, Record};
use crate::role::Role;
use crate::table::{Rule, rule};

/// Somebody who was let in, and what they may do. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Principal(Option<Arc<Known>>);

#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) by: String,
    pub(crate) record: Arc<Record>,
    pub(crate) spent: Option<Arc<Spent>>,
    /// The state of the file in which it was last found to be current.
    checked: AtomicU64,
}

/// The answer is no, by the table or because an account is somebody else's. What a door says about
/// it is the door's: to a customer it must look like an account that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the role {role} may not do this ({act})")]
pub struct Forbidden {
    /// Who asked.
    pub role: Role,
    /// For what.
    pub act: Act,
    /// The role may do it, with accounts of its own alone.
    pub is_about_accounts: bool,
}

impl Principal {
    /// Everybody, where access control is off: allowed everything.
    pub const fn open() -> Self {
        Self(None)
    }

    pub(crate) fn known(record: Arc<Record>, spent: Option<Arc<Spent>>, generation: u64) -> Self {
        let (by, checked) = (record.by(), AtomicU64::new(generation));
        Self(Some(Arc::new(Known { by, record, spent, checked })))
    }

    pub(crate) fn as_known(&self) -> Option<&Known> {
        self.0.as_deref()
    }

    /// Whether access control is off.
    pub const fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// The name for the journal, `token:k7f3q2ab`, 1 to 64 bytes; `None` when open.
    pub fn by(&self) -> Option<&str> {
        self.as_known().map(|known| known.by.as_str())
    }

    /// Its column in the table; `None` when open.
    pub fn role(&self) -> Option<Role> {
        self.as_known().map(|known| known.record.grant.role)
    }

    /// For people: the user's name, the name in the certificate, the token's id; empty when open.
    pub fn name(&self) -> &str {
        match self.as_known() {
            None => "",
            Some(known) => match &known.record.proof {
                Proof::Certificate(name) => name,
                Proof::Token(_) | Proof::Password(_) => &known.record.id,
            },
        }
    }

    /// Its own accounts: a customer's; of others none.
    pub fn accounts(&self) -> &[String] {
        self.as_known().map(|known| known.record.grant.accounts.as_slice()).unwrap_or_default()
    }

    /// Whether there is a limit on what it moves.
    pub fn has_limits(&self) -> bool {
        self.as_known().is_some_and(|known| !known.record.grant.limits.is_none())
    }

    /// Whether an account is its own.
    pub fn owns(&self, account: &str) -> bool {
        self.accounts().iter().any(|own| own == account)
    }

    /// Whether it may look at every account: anybody but a customer.
    pub fn sees_all(&self) -> bool {
        self.role() != Some(Role::Customer)
    }

    /// Asks the table. `accounts`: every account that the act names or is about. A list names none
    /// and is allowed; what is in it must then be filtered by [`owns`](Self::owns), and so must a
    /// transaction, whose accounts are known only once it was found.
    pub fn may<'n>(
        &self,
        act: Act,
        accounts: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), Forbidden> {
        let Some(role) = self.role() else { return Ok(()) };
        match rule(role, act) {
            Rule::Yes => Ok(()),
            Rule::No => Err(Forbidden { role, act, is_about_accounts: false }),
            Rule::Own if accounts.into_iter().all(|account| self.owns(account)) => Ok(()),
            Rule::Own => Err(Forbidden { role, act, is_about_accounts: true }),
        }
    }
}

impl Known {
    pub(crate) fn was_current_at(&self, generation: u64) -> bool {
        self.checked.load(Ordering::Relaxed) == generation
    }

    pub(crate) fn is_current_at(&self, generation: u64) {
        self.checked.store(generation, Ordering::Relaxed);
    }
}
