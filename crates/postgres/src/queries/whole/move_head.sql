UPDATE saldo.head
   SET seq = $1::bigint, at = greatest(at, $2::bigint), accounts = $3::bigint,
       money_in = $4::text::numeric, world = $5::text::numeric, hash = $6::bytea
 WHERE k = 1 AND seq = $7::bigint AND hash = $8::bytea
