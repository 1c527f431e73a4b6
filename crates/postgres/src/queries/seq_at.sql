SELECT first + n - 1 FROM saldo.batch WHERE at <= $1::bigint ORDER BY at DESC, first DESC LIMIT 1
