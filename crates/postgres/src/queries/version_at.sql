WITH RECURSIVE s(lo, hi) AS (
  SELECT 0::bigint, coalesce((SELECT version FROM saldo.account WHERE name = $1::text), 0)
  UNION ALL
  SELECT CASE WHEN b.first + e.n <= $2::bigint THEN x.m ELSE s.lo END,
         CASE WHEN b.first + e.n <= $2::bigint THEN s.hi ELSE x.m - 1 END
    FROM s
    CROSS JOIN LATERAL (SELECT (s.lo + s.hi + 1) / 2 AS m) x
    JOIN saldo.entry e ON e.account = $1::text AND e.version = x.m
    JOIN saldo.batch b ON b.batch = e.batch
   WHERE s.lo < s.hi)
SELECT lo FROM s WHERE lo = hi
