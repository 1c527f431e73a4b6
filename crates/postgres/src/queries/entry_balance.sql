SELECT balance FROM saldo.entry WHERE account = $1::text AND version = $2::bigint
