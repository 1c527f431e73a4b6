UPDATE saldo.head SET at = greatest(at, $1::bigint) WHERE k = 0
