INSERT INTO saldo.account (name, version, balance)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
ON CONFLICT (name) DO UPDATE SET version = excluded.version, balance = excluded.balance
