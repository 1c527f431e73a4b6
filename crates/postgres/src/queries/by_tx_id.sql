SELECT h.seq, b.first + t.n, b.at, t.record
  FROM saldo.head h
  LEFT JOIN saldo.tx t ON t.tx_id = $1::text
  LEFT JOIN saldo.batch b ON b.batch = t.batch
 WHERE h.k = 0
