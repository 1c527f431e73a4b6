SELECT count(*) FROM saldo.account WHERE name >= $1::text AND name < $2::text
