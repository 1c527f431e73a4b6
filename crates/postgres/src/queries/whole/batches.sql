SELECT b.batch, b.first, b.n, b.at, b.digest, b.hash, t.n, t.tx_id, t.record
  FROM saldo.batch b LEFT JOIN saldo.tx t ON t.batch = b.batch
 ORDER BY b.first, t.n
