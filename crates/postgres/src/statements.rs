//! The statements, prepared on each connection. They stand in files of their own, one each.

use futures_util::future::try_join_all;
use tokio_postgres::{Client, Error, Statement};

macro_rules! statements {
    ($($name:ident)+) => {
        /// All of them, prepared.
        pub(crate) struct Statements {
            $(pub(crate) $name: Statement,)+
        }

        /// Each with its name.
        pub(crate) const TEXTS: &[(&str, &str)] = &[
            $((stringify!($name), include_str!(concat!("queries/", stringify!($name), ".sql"))),)+
        ];

        impl Statements {
            /// Prepares all of them, in one go.
            pub(crate) async fn prepare(client: &Client) -> Result<Self, Error> {
                let prepared = try_join_all(TEXTS.iter().map(|(_, text)| client.prepare(text))).await?;
                let mut each = prepared.into_iter();
                $(let Some($name) = each.next() else { unreachable!("one for each text") };)+
                Ok(Self { $($name,)+ })
            }
        }
    };
}

statements! {
    accounts
    balances
    barrier
    by_seq
    by_tx_id
    count_accounts
    entries
    entries_newest
    entry_balance
    head
    hold_head
    known
    lock
    place
    present
    seq_at
    settle_time
    span
    totals
    version_at
    write
}
