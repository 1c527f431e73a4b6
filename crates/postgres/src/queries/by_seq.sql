SELECT h.seq, b.first + t.n, b.at, t.record
  FROM saldo.head h
  LEFT JOIN LATERAL (SELECT batch, first, at FROM saldo.batch WHERE first <= $1::bigint
                      ORDER BY first DESC LIMIT 1) b ON true
  LEFT JOIN saldo.tx t ON t.batch = b.batch AND t.n = $1::bigint - b.first
 WHERE h.k = 0
