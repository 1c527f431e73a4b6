SELECT t.tx_id, t.record, b.first + t.n AS seq, b.at
  FROM saldo.tx t JOIN saldo.batch b USING (batch) WHERE t.tx_id = ANY($1::text[])
