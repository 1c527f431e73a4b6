SELECT t.tx_id, CASE WHEN octet_length(t.record) <= 65536 THEN t.record END, b.first + t.n AS seq, b.at
  FROM saldo.tx t JOIN saldo.batch b USING (batch) WHERE t.tx_id = ANY($1::text[])
