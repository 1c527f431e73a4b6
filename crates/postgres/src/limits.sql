SELECT set_config(name, '0', false) FROM pg_settings
 WHERE name IN ('transaction_timeout', 'idle_session_timeout');
