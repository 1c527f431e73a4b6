-- Versions 1 and 2, which differ only in what a record may say. Run once, by the owner of the database; saldo itself never changes the schema.
CREATE SCHEMA saldo;

CREATE TABLE saldo.meta (key text PRIMARY KEY, value text NOT NULL);

-- One row per account: what it holds, and how many events have touched it.
CREATE TABLE saldo.account (
  name text COLLATE "C" PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 64),
  version bigint NOT NULL CHECK (version > 0),
  balance bigint NOT NULL CHECK (balance BETWEEN -9007199254740991 AND 9007199254740991)
) WITH (fillfactor = 70);

-- One row per committed batch: the place of its events in the one order, and their time. hash chains
-- all batches: sha256 over the hash before, this digest and this time, as eight bytes, the highest first.
CREATE TABLE saldo.batch (
  batch uuid PRIMARY KEY,
  first bigint NOT NULL UNIQUE CHECK (first > 0),
  n int NOT NULL CHECK (n > 0),
  at bigint NOT NULL,
  digest bytea NOT NULL,
  hash bytea NOT NULL
);
CREATE INDEX batch_at ON saldo.batch (at, first);

-- One row per event, for ever; its seq is batch.first + n. record: the line of docs/formats.md, with
-- seq and time zero, which the batch gives.
CREATE TABLE saldo.tx (
  tx_id text COLLATE "C" PRIMARY KEY CHECK (octet_length(tx_id) BETWEEN 1 AND 128),
  batch uuid NOT NULL,
  n int NOT NULL CHECK (n >= 0),
  record bytea NOT NULL
);
CREATE UNIQUE INDEX tx_batch_n ON saldo.tx (batch, n);

-- One row per event and account: the statement. version counts the events of the account.
CREATE TABLE saldo.entry (
  account text COLLATE "C",
  version bigint,
  batch uuid NOT NULL,
  n int NOT NULL,
  balance bigint NOT NULL,
  PRIMARY KEY (account, version)
);

-- One row: the end of the one order, and the totals there. k is 0, and 1 while a bank is copied into the
-- database: servers go by 0, so those that are connected then find nothing.
CREATE TABLE saldo.head (
  k int PRIMARY KEY,
  seq bigint NOT NULL,
  at bigint NOT NULL,
  accounts bigint NOT NULL,
  money_in numeric NOT NULL,
  world numeric NOT NULL,
  hash bytea NOT NULL
) WITH (fillfactor = 10);

-- Written by answers that write nothing else: their commit proves that all they saw is replicated.
CREATE TABLE saldo.barrier (k int PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO saldo.barrier SELECT k, 0 FROM generate_series(0, 63) k;
