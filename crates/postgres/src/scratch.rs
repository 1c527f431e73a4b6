//! Databases that are made to try something in, and dropped again.

use tokio_postgres::error::SqlState;

use crate::address::Address;
use crate::error::OpenError;
use crate::link::plain;

/// Makes a database of this name beside the one of `address`; its address. The name is made of
/// lower-case letters, digits and underscores.
/// Errors: the role may not make databases, or the database refuses for another reason.
pub async fn create_database(address: &Address, name: &str) -> Result<Address, OpenError> {
    let (client, _driver) = plain(address).await?;
    // The encoding is what a bank needs, whatever the others have.
    let make = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
    client.batch_execute(&make).await?;
    Ok(address.with_database(name))
}

/// Drops it, with whatever is connected to it where the database can do that.
pub async fn drop_database(address: &Address, name: &str) -> Result<(), OpenError> {
    let (client, _driver) = plain(address).await?;
    let drop = format!("DROP DATABASE IF EXISTS {name}");
    match client.batch_execute(&format!("{drop} WITH (FORCE)")).await {
        Err(error) if error.code() == Some(&SqlState::SYNTAX_ERROR) => {
            Ok(client.batch_execute(&drop).await?)
        }
        dropped => Ok(dropped?),
    }
}

/// Whether an error says that the role may not do it.
pub fn is_not_allowed(error: &OpenError) -> bool {
    matches!(error, OpenError::Database(source)
        if source.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE))
}
