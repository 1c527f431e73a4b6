//! What the client asks about history. Questions change nothing and are repeated at will; `resolve`
//! settles a tx_id once, so it is repeated as well.

use ledger::{AccountId, Seq, TxId};
use protocol::query::{Moment, Named};

use crate::client::{Client, Repeat};
use crate::error::Error;
use crate::reply::history::{Accounts, Found, Resolved, Statement, Totals, Transactions};
use crate::reply::{Held, Reply};
use crate::request::history::{self as request, Page, Part};

impl Client {
    /// What happened under a tx_id or at a seq? None is refused as `unknown_transaction`.
    /// Errors: as [`Client::balance`].
    pub async fn transaction(&mut self, named: &Named<'_>) -> Result<Reply<Found>, Error> {
        let mut line = Vec::new();
        request::transaction(&mut line, named);
        self.ask(&line, Repeat::Question).await
    }

    /// A page of the log, oldest first, from one seq to another, both included.
    /// Errors: as [`Client::balance`].
    pub async fn transactions(
        &mut self,
        from: Option<Seq>,
        to: Option<Seq>,
        page: Page<'_>,
    ) -> Result<Reply<Transactions>, Error> {
        let mut line = Vec::new();
        request::transactions(&mut line, from, to, page);
        self.ask(&line, Repeat::Question).await
    }

    /// A page of one account's history. Errors: as [`Client::balance`].
    pub async fn statement(
        &mut self,
        account: &AccountId<'_>,
        part: Part,
        page: Page<'_>,
    ) -> Result<Reply<Statement>, Error> {
        let mut line = Vec::new();
        request::statement(&mut line, account, part, page);
        self.ask(&line, Repeat::Question).await
    }

    /// What did the account hold then? A moment ahead is refused as `not_yet`.
    /// Errors: as [`Client::balance`].
    pub async fn balance_at(
        &mut self,
        account: &AccountId<'_>,
        at: Moment,
    ) -> Result<Reply<Held>, Error> {
        let mut line = Vec::new();
        request::balance_at(&mut line, account, at);
        self.ask(&line, Repeat::Question).await
    }

    /// A page of the accounts whose names begin with `prefix`, by name; `count`: how many these
    /// are. Errors: as [`Client::balance`].
    pub async fn accounts(
        &mut self,
        prefix: &str,
        count: bool,
        page: Page<'_>,
    ) -> Result<Reply<Accounts>, Error> {
        let mut line = Vec::new();
        request::accounts(&mut line, prefix, count, page);
        self.ask(&line, Repeat::Question).await
    }

    /// How much is there in all? Errors: as [`Client::balance`].
    pub async fn totals(&mut self) -> Result<Reply<Totals>, Error> {
        let mut line = Vec::new();
        request::totals(&mut line);
        self.ask(&line, Repeat::Question).await
    }

    /// What became of this tx_id, for ever? One that was never used is voided: no request under
    /// it will be executed any more. Errors: as [`Client::deposit`].
    pub async fn resolve(&mut self, tx_id: &TxId<'_>) -> Result<Reply<Resolved>, Error> {
        let mut line = Vec::new();
        request::resolve(&mut line, tx_id);
        self.ask(&line, Repeat::Write(tx_id)).await
    }
}
