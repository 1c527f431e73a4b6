SELECT tx_id FROM saldo.tx ORDER BY tx_id
