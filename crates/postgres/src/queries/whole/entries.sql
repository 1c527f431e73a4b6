SELECT account, version, batch, n, balance FROM saldo.entry ORDER BY account, version
