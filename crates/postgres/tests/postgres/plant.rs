//! Errors of the database's own, planted in the tables of one bank: a code of the test's choice,
//! raised in a moment of its choice, as often as it says.

use tokio_postgres::Client;

use crate::bank::Bank;

/// The moments of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// While its rows are locked and read.
    Reading,
    /// While its events are written; its place and COMMIT are sent behind them.
    Writing,
    /// While it gets its place.
    Placing,
    /// While it is committed.
    Committing,
}

impl Moment {
    pub const ALL: [Self; 4] = [Self::Reading, Self::Writing, Self::Placing, Self::Committing];

    fn planted(self) -> &'static str {
        match self {
            // Asked for each row that is read.
            Self::Reading => {
                "ALTER TABLE saldo.account ENABLE ROW LEVEL SECURITY; \
                 CREATE POLICY plant ON saldo.account USING (plant.raise()) WITH CHECK (true)"
            }
            Self::Writing => {
                "CREATE TRIGGER plant BEFORE INSERT ON saldo.tx \
                 FOR EACH STATEMENT EXECUTE FUNCTION plant.fire()"
            }
            Self::Placing => {
                "CREATE TRIGGER plant BEFORE INSERT ON saldo.batch \
                 FOR EACH STATEMENT EXECUTE FUNCTION plant.fire()"
            }
            Self::Committing => {
                "CREATE CONSTRAINT TRIGGER plant AFTER INSERT ON saldo.batch \
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION plant.fire()"
            }
        }
    }
}

/// Raises `code` at `moment`, the next `times` times that a batch comes there.
pub async fn plant(bank: &Bank, moment: Moment, code: &str, times: u32) {
    // A sequence goes on where its transaction does not.
    let how = format!(
        "CREATE SCHEMA plant; GRANT USAGE ON SCHEMA plant TO PUBLIC; CREATE SEQUENCE plant.fired; \
         CREATE FUNCTION plant.raise() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
           IF nextval('plant.fired') <= {times} THEN \
             RAISE EXCEPTION 'planted' USING ERRCODE = '{code}'; \
           END IF; RETURN true; END $$; \
         CREATE FUNCTION plant.fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
           PERFORM plant.raise(); RETURN NEW; END $$; {}",
        moment.planted()
    );
    between_batches(&bank.superuser().await, &how).await;
}

/// Takes it out again. Stops if it was not raised `times` times.
pub async fn unplant(bank: &Bank, times: i64) {
    let client = bank.superuser().await;
    let row = client.query_one("SELECT last_value FROM plant.fired", &[]).await.unwrap();
    assert!(row.get::<_, i64>(0) >= times, "it was raised {} times", row.get::<_, i64>(0));
    let away = "DROP SCHEMA plant CASCADE; ALTER TABLE saldo.account DISABLE ROW LEVEL SECURITY";
    between_batches(&client, away).await;
}

/// Changes the schema while no batch is under way: each begins with the accounts.
async fn between_batches(client: &Client, change: &str) {
    let change = format!("BEGIN; LOCK saldo.account IN ACCESS EXCLUSIVE MODE; {change}; COMMIT");
    client.batch_execute(&change).await.unwrap();
}
