SELECT name FROM saldo.account WHERE name = ANY($1::text[])
