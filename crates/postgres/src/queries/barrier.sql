UPDATE saldo.barrier SET n = n + 1
 WHERE k = $1::int AND (NOT $2::bool OR (current_setting('synchronous_standby_names') <> ''
                           AND current_setting('synchronous_commit') IN ('on', 'remote_apply')))
