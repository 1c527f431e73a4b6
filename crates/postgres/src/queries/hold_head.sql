SELECT seq, at FROM saldo.head WHERE k = 0 FOR UPDATE
