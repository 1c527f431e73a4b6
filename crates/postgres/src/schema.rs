//! Creates the schema; a plain start only looks at its version.

use journal::{Currency, LedgerId};
use tokio_postgres::{Client, Transaction};

use crate::address::Address;
use crate::error::{CheckFault, OpenError};
use crate::link::plain;

/// The version of the schema that this program reads and writes.
pub const SCHEMA_VERSION: u32 = 1;

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

/// The same, marked as one into which a bank is copied: no server ever serves it as it is.
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
