SELECT a.name, a.balance, b.first + e.n AS seq
  FROM saldo.account a
  JOIN saldo.entry e ON e.account = a.name AND e.version = a.version
  JOIN saldo.batch b ON b.batch = e.batch
 WHERE a.name > $1::text AND a.name >= $2::text AND a.name < $3::text
 ORDER BY a.name LIMIT $4::bigint
