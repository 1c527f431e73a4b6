SELECT h.seq, a.name, a.balance
  FROM saldo.head h LEFT JOIN saldo.account a ON a.name = ANY($1::text[]) WHERE h.k = 0
