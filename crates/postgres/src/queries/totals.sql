SELECT seq, coalesce((SELECT at FROM saldo.batch ORDER BY first DESC LIMIT 1), 0), accounts,
       money_in::text, world::text
  FROM saldo.head WHERE k = 0
