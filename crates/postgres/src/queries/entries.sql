SELECT e.version, b.first + e.n AS seq, b.at, t.record, e.balance
  FROM saldo.entry e JOIN saldo.batch b USING (batch) JOIN saldo.tx t ON t.batch = e.batch AND t.n = e.n
 WHERE e.account = $1::text AND e.version BETWEEN $2::bigint AND $3::bigint
 ORDER BY e.version LIMIT $4::bigint
