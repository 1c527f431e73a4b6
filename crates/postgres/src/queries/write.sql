WITH
  o AS (INSERT INTO saldo.account (name, version, balance)
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])),
  u AS (UPDATE saldo.account a SET version = r.after, balance = r.balance
          FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[]) r(name, before, after, balance)
         WHERE a.name = r.name AND a.version = r.before RETURNING 1),
  t AS (INSERT INTO saldo.tx (tx_id, batch, n, record)
        SELECT r.tx_id, $8::uuid, r.n, r.record
          FROM unnest($9::text[], $10::int[], $11::bytea[]) r(tx_id, n, record)),
  e AS (INSERT INTO saldo.entry (account, version, batch, n, balance)
        SELECT r.account, r.version, $8::uuid, r.n, r.balance
          FROM unnest($12::text[], $13::bigint[], $14::int[], $15::bigint[]) r(account, version, n, balance))
SELECT 1 / ((SELECT count(*) FROM u) = cardinality($4::text[])
            AND (NOT $16::bool OR (current_setting('synchronous_standby_names') <> ''
                           AND current_setting('synchronous_commit') IN ('on', 'remote_apply'))))::int
