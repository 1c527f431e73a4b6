SELECT b.first + t.n AS seq, b.at, t.record
  FROM saldo.batch b JOIN saldo.tx t USING (batch)
 WHERE b.first >= coalesce((SELECT max(first) FROM saldo.batch WHERE first <= $1::bigint), 1)
   AND b.first <= $2::bigint AND b.first + t.n BETWEEN $1::bigint AND $2::bigint
 ORDER BY b.first, t.n LIMIT $3::bigint
