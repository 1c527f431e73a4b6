SELECT name, version, balance FROM saldo.account ORDER BY name
