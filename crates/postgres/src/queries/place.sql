WITH
  h AS (UPDATE saldo.head
           SET seq = seq + $1::int, at = greatest(at, $2::bigint), accounts = accounts + $3::bigint,
               money_in = money_in + $4::text::numeric, world = world + $5::text::numeric,
               hash = sha256(hash || $6::bytea || int8send(greatest(at, $2::bigint)))
         WHERE k = 0 AND greatest(at, $2::bigint) <= $7::bigint
        RETURNING seq, at, hash),
  b AS (INSERT INTO saldo.batch (batch, first, n, at, digest, hash)
        SELECT $8::uuid, h.seq - $1::int + 1, $1::int, h.at, $6::bytea, h.hash FROM h
        RETURNING first, at)
SELECT (SELECT first FROM b), (SELECT at FROM b), 1 / (SELECT count(*)::int FROM h)
