//! A database is proven from its first event to its last row, and every kind of damage is told.

use engine::{Engine, Outcome, Request};
use ledger::{AccountId, Amount, Balance, By, Command, Openings, Seq, Transfer, TxId};
use postgres::{Address, CarryError, Mode, Options, PostgresEngine, Proof, verify};
use sha2::{Digest, Sha256};

use crate::cluster::Cluster;

pub fn write(command: Command<'static>, tx_id: &str) -> Request<'static> {
    let tx_id = TxId::new(tx_id.to_owned()).unwrap();
    Request::Write { command, tx_id, tx_id_given: true, not_after_us: None, by: None }
}

fn account(name: &str) -> AccountId<'static> {
    AccountId::new(name.to_owned()).unwrap()
}

pub fn deposit(to: &str, amount: i64) -> Command<'static> {
    Command::Deposit { account: account(to), amount: Amount::new(amount).unwrap() }
}

fn withdraw(from: &str, amount: i64) -> Command<'static> {
    Command::Withdraw { account: account(from), amount: Amount::new(amount).unwrap() }
}

fn transfer(from: &str, to: &str, amount: i64) -> Command<'static> {
    let amount = Amount::new(amount).unwrap();
    Command::Transfer(Transfer::new(account(from), account(to), amount).unwrap())
}

/// A bank with every kind of event, in several batches; the names of its events are t1 to t9.
pub async fn bank(cluster: &Cluster) -> Address {
    let address = cluster.bank().await.owners_address();
    let options = Options { mode: Mode::Unchecked, ..Options::default() };
    let engine = PostgresEngine::open(address.clone(), options).await.unwrap();
    let held = |units| Balance::new(units).unwrap();
    let openings = vec![(account("alice"), held(500)), (account("josé"), held(70))];
    let late = Request::Write {
        command: deposit("alice", 1),
        tx_id: TxId::new("t6").unwrap(),
        tx_id_given: true,
        not_after_us: Some(1),
        by: Some(By::new("user:ana").unwrap()),
    };
    for batch in [
        vec![write(Command::Init(Openings::new(openings).unwrap()), "t1")],
        vec![write(deposit("alice", 20), "t2"), write(transfer("alice", "bob", 111), "t3")],
        vec![write(withdraw("bob", 11), "t4"), write(withdraw("bob", 5_000), "t5"), late],
        vec![Request::Resolve { tx_id: TxId::new("t7").unwrap(), by: None }],
        vec![write(transfer("alice", "josé", 9), "t8"), write(transfer("josé", "bob", 3), "t9")],
    ] {
        let count = batch.len();
        let answered = engine.execute(batch).await;
        assert_eq!(answered.outcomes.len(), count);
        for outcome in answered.outcomes {
            let unanswered = matches!(outcome, Outcome::Unavailable(_) | Outcome::Unknown { .. });
            assert!(!unanswered, "{outcome:?}");
        }
    }
    engine.close().await;
    address
}

pub async fn proof(address: &Address) -> Result<Proof, CarryError> {
    verify(address, None, |_| {}).await
}

#[tokio::test]
async fn a_sound_database_is_proven_with_its_totals() {
    let cluster = Cluster::any();
    let address = bank(&cluster).await;
    let proof = proof(&address).await.unwrap();
    assert_eq!(proof.last, Seq::new(9));
    assert_eq!((proof.batches_count, proof.accounts_count), (5, 3));
    assert_eq!((proof.sum, proof.world, proof.refusals_count), (579, -579, 2));
    assert!(!proof.is_copying && !proof.expected_found);
    let again = verify(&address, Some(proof.chain), |_| {}).await.unwrap();
    assert!(again.expected_found);
    assert_eq!(again.content, proof.content);
}

#[tokio::test]
async fn a_bank_in_which_nothing_has_happened_is_proven() {
    let cluster = Cluster::any();
    let proof = proof(&cluster.bank().await.owners_address()).await.unwrap();
    assert_eq!((proof.last, proof.accounts_count), (Seq::ZERO, 0));
}

#[tokio::test]
async fn damage_in_any_table_is_told_with_its_place() {
    const DAMAGE: &[(&str, &str)] = &[
        (
            "UPDATE saldo.account SET balance = 1 WHERE name = 'bob'",
            "account: \"bob\" balance is 1, the events give 103",
        ),
        (
            "UPDATE saldo.account SET version = 9 WHERE name = 'bob'",
            "account: \"bob\" version is 9, the events give 3",
        ),
        ("DELETE FROM saldo.account WHERE name = 'josé'", "account: \"josé\" is missing"),
        (
            "INSERT INTO saldo.account VALUES ('mallory', 1, 0)",
            "account: \"mallory\" is there, and no event made it",
        ),
        (
            "UPDATE saldo.entry SET balance = balance + 1 WHERE account = 'bob' AND version = 2",
            "entry: the statement of \"bob\" is not what its events give: a row says something else",
        ),
        (
            "DELETE FROM saldo.entry WHERE account = 'bob' AND version = 2",
            "entry: the statement of \"bob\" is not what its events give: version is 3, the events give 2",
        ),
        (
            "DELETE FROM saldo.entry WHERE account = 'bob' AND version = 3",
            "entry: the statement of \"bob\" is not what its events give: last version is 2, the events give 3",
        ),
        (
            "DELETE FROM saldo.entry WHERE account = 'josé'",
            "entry: the statement of \"josé\" is not what its events give: is missing",
        ),
        (
            "INSERT INTO saldo.entry SELECT 'mallory', 1, batch, n, 5 FROM saldo.entry LIMIT 1",
            "entry: the statement of \"mallory\" is not what its events give: is there, and no event made it",
        ),
        (
            "UPDATE saldo.entry e SET n = 1 - n, batch = (SELECT batch FROM saldo.batch WHERE first = 8) \
          WHERE account = 'alice' AND version = 3",
            "entry: the statement of \"alice\" is not what its events give: a row says something else",
        ),
        (
            "UPDATE saldo.tx SET record = convert_to(replace(convert_from(record, 'UTF8'), '111', '112'), 'UTF8') \
          WHERE tx_id = 't3'",
            "batch: its digest is not that of the events from seq 2 on",
        ),
        (
            "UPDATE saldo.tx SET record = '{}' WHERE tx_id = 't3'",
            "tx: the record of seq 3 cannot be read",
        ),
        (
            "UPDATE saldo.tx SET tx_id = 'other' WHERE tx_id = 't3'",
            "tx: seq 3 stands under another tx_id than its record has",
        ),
        (
            "UPDATE saldo.tx SET n = CASE n WHEN 0 THEN 5 ELSE 0 END WHERE tx_id IN ('t2', 't3'); \
          UPDATE saldo.tx SET n = 1 WHERE n = 5",
            "batch: its digest is not that of the events from seq 2 on",
        ),
        (
            "DELETE FROM saldo.tx WHERE tx_id = 't4'",
            "tx: the batch that begins at seq 4 has not the events that it counts",
        ),
        (
            "DELETE FROM saldo.tx WHERE tx_id = 't6'",
            "tx: the batch that begins at seq 4 has not the events that it counts",
        ),
        (
            "DELETE FROM saldo.tx WHERE tx_id = 't7'",
            "tx: the batch that begins at seq 7 has not the events that it counts",
        ),
        (
            "INSERT INTO saldo.tx SELECT 'ghost', gen_random_uuid(), 0, record FROM saldo.tx LIMIT 1",
            "tx: 10 rows, the batches count 9",
        ),
        (
            "ALTER TABLE saldo.tx DROP CONSTRAINT tx_pkey; \
             WITH b AS (INSERT INTO saldo.batch \
                  SELECT gen_random_uuid(), 10, 1, o.at, v.digest, \
                         sha256(o.hash || v.digest || int8send(o.at)) \
                    FROM saldo.batch o, saldo.batch v WHERE o.first = 8 AND v.first = 7 \
                  RETURNING batch, hash), \
               t AS (INSERT INTO saldo.tx \
                  SELECT t.tx_id, b.batch, 0, t.record FROM saldo.tx t, b WHERE t.tx_id = 't7') \
             UPDATE saldo.head SET seq = 10, hash = (SELECT hash FROM b)",
            "tx: the tx_id \"t7\" is there twice",
        ),
        (
            "ALTER TABLE saldo.tx DROP CONSTRAINT tx_pkey",
            "tx: there is no valid unique index on (tx_id)",
        ),
        (
            "DROP INDEX saldo.tx_batch_n; CREATE INDEX tx_batch_n ON saldo.tx (batch, n)",
            "tx: there is no valid unique index on (batch, n)",
        ),
        (
            "UPDATE pg_index SET indisvalid = false \
              WHERE indexrelid = 'saldo.account_pkey'::regclass",
            "account: there is no valid unique index on (name)",
        ),
        (
            "UPDATE saldo.batch SET n = 3 WHERE first = 2",
            "tx: the batch that begins at seq 2 has not the events that it counts",
        ),
        (
            "DELETE FROM saldo.batch WHERE first = 4",
            "batch: the one that begins at seq 7 should begin at seq 4",
        ),
        ("DELETE FROM saldo.batch WHERE first = 8", "head: seq is 9, the events give 7"),
        (
            "UPDATE saldo.batch SET first = first + 100 WHERE first IN (2, 8); \
          UPDATE saldo.batch SET first = CASE first WHEN 102 THEN 8 ELSE 2 END WHERE first > 100",
            "batch: the chain of hashes breaks at seq 2",
        ),
        (
            "UPDATE saldo.batch SET digest = sha256('x') WHERE first = 4",
            "batch: its digest is not that of the events from seq 4 on",
        ),
        (
            "UPDATE saldo.batch SET hash = sha256('x') WHERE first = 4",
            "batch: the chain of hashes breaks at seq 4",
        ),
        ("UPDATE saldo.batch SET at = 1 WHERE first = 4", "batch: time goes back at seq 4"),
        ("UPDATE saldo.batch SET at = at - 1", "batch: the chain of hashes breaks at seq 1"),
        (
            "UPDATE saldo.batch SET at = (SELECT at FROM saldo.batch WHERE first = 2) WHERE first = 4",
            "batch: the chain of hashes breaks at seq 4",
        ),
        ("UPDATE saldo.head SET seq = 10", "head: seq is 10, the events give 9"),
        ("UPDATE saldo.head SET accounts = 2", "head: accounts is 2, the events give 3"),
        ("UPDATE saldo.head SET money_in = 0", "head: money_in is 0, the events give 590"),
        ("UPDATE saldo.head SET world = 0", "head: world is 0, the events give -579"),
        ("DELETE FROM saldo.head", "head: its row is missing, the events give one"),
        (
            "UPDATE saldo.meta SET value = repeat('0', 32) WHERE key = 'ledger'",
            "batch: the chain of hashes breaks at seq 1",
        ),
        (
            "DELETE FROM saldo.meta WHERE key = 'currency'",
            "meta: currency is missing or cannot be read",
        ),
    ];
    let cluster = Cluster::any();
    let sound = bank(&cluster).await;
    let mut wrong = Vec::new();
    for (damage, expected) in DAMAGE {
        let damaged = cluster.copy_of(&sound).await;
        cluster.run_in(&damaged, damage).await;
        let found = match proof(&damaged).await {
            Err(CarryError::Flawed(flaw)) => flaw.to_string(),
            other => format!("{other:?}"),
        };
        if found != *expected {
            wrong.push(format!("{damage}: {found}, not: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    proof(&sound).await.unwrap();
}

#[tokio::test]
async fn what_the_database_itself_finds_broken_is_damage() {
    const REFUSES: &str = "ALTER TABLE saldo.entry RENAME TO other; \
        CREATE FUNCTION saldo.broken() RETURNS bigint LANGUAGE plpgsql AS \
          $$ BEGIN RAISE 'invalid page in block 3' USING ERRCODE = 'FAULT'; END $$; \
        CREATE VIEW saldo.entry AS \
          SELECT account, saldo.broken() AS version, batch, n, balance FROM saldo.other";
    let cluster = Cluster::any();
    let sound = bank(&cluster).await;
    for (damage, is_damage) in [
        (&*REFUSES.replace("FAULT", "XX001"), true),
        (&*REFUSES.replace("FAULT", "XX002"), true),
        (&*REFUSES.replace("FAULT", "42501"), false),
        (&*REFUSES.replace("FAULT", "53200"), false),
        ("ALTER TABLE saldo.account RENAME balance TO amount", true),
        ("DROP TABLE saldo.entry", true),
        ("ALTER TABLE saldo.account ALTER COLUMN version TYPE numeric", true),
        (
            "ALTER TABLE saldo.head ALTER COLUMN hash DROP NOT NULL; \
          UPDATE saldo.head SET hash = NULL",
            true,
        ),
        ("DROP SCHEMA saldo CASCADE", false),
    ] {
        let damaged = cluster.copy_of(&sound).await;
        cluster.run_in(&damaged, damage).await;
        let error = proof(&damaged).await.unwrap_err();
        assert_eq!(error.is_damage(), is_damage, "{damage}: {error:?}");
    }
}

#[tokio::test]
async fn a_history_that_was_rewritten_with_a_chain_of_its_own_breaks_the_rules() {
    let cluster = Cluster::any();
    let address = bank(&cluster).await;
    // The last batch anew: josé gives 4 in the place of 3, and every hash is made to fit.
    let client = cluster.client_in(&address).await;
    let rows = client
        .query(
            "SELECT t.record FROM saldo.tx t JOIN saldo.batch b USING (batch) \
                WHERE b.first = 8 ORDER BY t.n",
            &[],
        )
        .await
        .unwrap();
    let mut hasher = blake3::Hasher::new();
    let mut forged = String::new();
    for row in &rows {
        let record = String::from_utf8(row.get(0)).unwrap();
        forged = record.replace("\"amount\":3,", "\"amount\":4,");
        hasher.update(forged.as_bytes());
    }
    assert!(forged.contains("\"amount\":4,"), "{forged}");
    let digest = hasher.finalize().as_bytes().to_vec();
    let before = "SELECT b.hash, int8send(l.at) FROM saldo.batch b, saldo.batch l \
                  WHERE b.first = 7 AND l.first = 8";
    let before = client.query_one(before, &[]).await.unwrap();
    let (before, at): (Vec<u8>, Vec<u8>) = (before.get(0), before.get(1));
    let hash = Sha256::digest([before, digest.clone(), at].concat()).to_vec();
    let forged = forged.into_bytes();
    client.execute("UPDATE saldo.tx SET record = $1 WHERE tx_id = 't9'", &[&forged]).await.unwrap();
    let batch = "UPDATE saldo.batch SET digest = $1, hash = $2 WHERE first = 8";
    client.execute(batch, &[&digest, &hash]).await.unwrap();
    client.execute("UPDATE saldo.head SET hash = $1", &[&hash]).await.unwrap();
    let told = proof(&address).await.unwrap_err().to_string();
    assert!(told.starts_with("tx: seq 9 is impossible: "), "{told}");
}

#[tokio::test]
async fn a_time_that_a_question_settled_is_no_damage() {
    let cluster = Cluster::any();
    let address = bank(&cluster).await;
    cluster.run_in(&address, "UPDATE saldo.head SET at = at + 5").await;
    proof(&address).await.unwrap();
    cluster.run_in(&address, "UPDATE saldo.head SET at = at - 6").await;
    let told = proof(&address).await.unwrap_err().to_string();
    assert!(told.starts_with("head: at is "), "{told}");
}

#[tokio::test]
async fn a_database_without_a_schema_or_of_another_version_is_refused() {
    let cluster = Cluster::any();
    let empty = Address::parse(&cluster.empty_database().await).unwrap();
    let told = proof(&empty).await.unwrap_err();
    assert_eq!(told.to_string(), "the database has no schema of saldo");
    let address = cluster.bank().await.owners_address();
    cluster
        .run_in(&address, "UPDATE saldo.meta SET value = '3' WHERE key = 'schema_version'")
        .await;
    let told = proof(&address).await.unwrap_err();
    assert_eq!(told.to_string(), "the schema has version 3, this program needs 2");
}
