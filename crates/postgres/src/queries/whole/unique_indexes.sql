SELECT c.relname::text, string_agg(a.attname, ', ' ORDER BY k.place)
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace s ON s.oid = c.relnamespace
  CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
 WHERE s.nspname = 'saldo' AND i.indisunique AND i.indisvalid AND i.indisready AND i.indislive
   AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
 GROUP BY i.indexrelid, c.relname
