//! What a principal is given, as it is typed.

use access::{Grant, Limits, Role};
use clap::builder::PossibleValuesParser;

use crate::failure::Failure;
use crate::{given, moment};

/// The flags of every verb that makes a principal.
#[derive(Debug, clap::Args)]
pub struct GrantArgs {
    /// What it is to the bank: admin, teller, auditor or customer
    #[arg(long, value_name = "ROLE", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(Role::ALL.map(Role::name)))]
    role: String,
    /// An account of its own; once for each. A customer needs one
    #[arg(long = "account", value_name = "NAME")]
    accounts: Vec<String>,
    /// Most cents in one transaction
    #[arg(long, value_name = "CENTS")]
    limit: Option<String>,
    /// Most cents in one day of UTC
    #[arg(long, value_name = "CENTS")]
    day_limit: Option<String>,
    /// When it ends by itself: 90d or 12h from now, or a time such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// What it is for, in your own words
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
}

impl GrantArgs {
    /// Reads them. Errors: an amount or a time is none.
    pub fn read(&self) -> Result<Grant, Failure> {
        let Some(role) = Role::parse(&self.role) else {
            // The parser lets nothing else through.
            return Err(Failure::usage(format!("there is no role {}", self.role)));
        };
        Ok(Grant {
            role,
            accounts: self.accounts.clone(),
            limits: Limits {
                transaction: limit(self.limit.as_deref())?,
                day: limit(self.day_limit.as_deref())?,
            },
            expires_us: self.expires.as_deref().map(moment::expiry).transpose()?,
            note: self.note.clone(),
        })
    }
}

fn limit(given: Option<&str>) -> Result<Option<u64>, Failure> {
    let amount = given.map(given::amount).transpose()?;
    Ok(amount.map(|amount| amount.get().unsigned_abs()))
}
