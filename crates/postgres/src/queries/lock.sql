SELECT name, version, balance FROM saldo.account WHERE name = ANY($1::text[]) ORDER BY name FOR UPDATE
