//! Creates the schema, and brings an earlier version to this one; a plain start only looks at it.

use journal::{Currency, Genesis, LedgerId};
use tokio_postgres::{Client, Transaction};

use crate::address::Address;
use crate::carry_error::CarryError;
use crate::error::{CheckFault, OpenError};
use crate::link::plain;
use crate::scan::genesis;

/// The version of the schema that this program reads and writes.
/// Version 2 has the tables of version 1; its records may say who did an event (`by`), which a program
/// of version 1 cannot read.
pub const SCHEMA_VERSION: u32 = 2;

/// The version before, which [`upgrade_schema`] brings to this one.
const VERSION_BEFORE: &str = "1";

/// Where the one row of `head` stands in a bank that is served. Every statement of a server goes by it.
pub(crate) const HEAD_SERVED: i32 = 0;

/// Where it stands while a bank is copied into the database: a server that was connected before finds
/// no head, and can neither answer nor write.
pub(crate) const HEAD_COPYING: i32 = 1;

const VERSION_1: &str = include_str!("schema/0001.sql");

/// Creates the schema for a new ledger, all or nothing. To be run once, by a role that may create
/// schemas.
/// Errors: there is one already, no primary answers, or the database refuses.
pub async fn create_schema(
    address: &Address,
    ledger: LedgerId,
    currency: &Currency,
) -> Result<(), OpenError> {
    create(address, ledger, currency, false).await
}

/// Brings a schema of the version before to this one, and returns which ledger it holds; `None` when
/// there is no such schema. To be run once, by its owner, when no server of that version runs: one that
/// was connected before would not notice.
/// Errors: no primary answers, the database refuses, or what it holds is no bank.
pub async fn upgrade_schema(address: &Address) -> Result<Option<Genesis>, CarryError> {
    let (client, _driver) = plain(address).await?;
    if !has_schema(&client).await? {
        return Ok(None);
    }
    let upgrade = "UPDATE saldo.meta SET value = $1 WHERE key = 'schema_version' AND value = $2";
    let version = SCHEMA_VERSION.to_string();
    let found = genesis(&client).await?;
    let upgraded = client.execute(upgrade, &[&version, &VERSION_BEFORE]).await?;
    Ok((upgraded == 1).then_some(found))
}

/// As [`create_schema`], marked as one into which a bank is copied: no server ever serves it as it is.
pub(crate) async fn create_schema_for_copy(
    address: &Address,
    ledger: LedgerId,
    currency: &Currency,
) -> Result<(), OpenError> {
    create(address, ledger, currency, true).await
}

async fn create(
    address: &Address,
    ledger: LedgerId,
    currency: &Currency,
    is_copying: bool,
) -> Result<(), OpenError> {
    let (mut client, _driver) = plain(address).await?;
    if has_schema(&client).await? {
        return Err(CheckFault::SchemaExists.into());
    }
    let transaction = client.transaction().await?;
    transaction.batch_execute(VERSION_1).await?;
    let id = ledger.to_hex();
    let meta = "INSERT INTO saldo.meta (key, value) \
                VALUES ('schema_version', $1), ('ledger', $2), ('currency', $3)";
    let version = SCHEMA_VERSION.to_string();
    transaction.execute(meta, &[&version, &id, &currency.as_str()]).await?;
    let head = "INSERT INTO saldo.head (k, seq, at, accounts, money_in, world, hash) \
                VALUES ($2, 0, 0, 0, 0, 0, sha256(convert_to($1, 'UTF8')))";
    transaction.execute(head, &[&id, &HEAD_SERVED]).await?;
    if is_copying {
        mark(&transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Marks the database as one into which a bank is copied. Once is enough, and more does no harm.
pub(crate) async fn mark(transaction: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
    let mark = "INSERT INTO saldo.meta (key, value) VALUES ('copying', 'unfinished') \
                ON CONFLICT (key) DO NOTHING";
    transaction.execute(mark, &[]).await?;
    transaction.execute("UPDATE saldo.head SET k = $1", &[&HEAD_COPYING]).await?;
    Ok(())
}

/// Takes the mark away.
pub(crate) async fn unmark(transaction: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
    transaction.execute("DELETE FROM saldo.meta WHERE key = 'copying'", &[]).await?;
    transaction.execute("UPDATE saldo.head SET k = $1", &[&HEAD_SERVED]).await?;
    Ok(())
}

/// Whether there is a schema of saldo.
pub(crate) async fn has_schema(client: &Client) -> Result<bool, tokio_postgres::Error> {
    let row = client.query_one("SELECT to_regclass('saldo.meta') IS NOT NULL", &[]).await?;
    row.try_get(0)
}
