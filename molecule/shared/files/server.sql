-- What a server says of itself, as one line of JSON. molecule/conftest.py and servers_noted.yml ask this.
SELECT json_build_object(
    'primary', NOT pg_is_in_recovery(),
    'timeline', CASE
        WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver)
        ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
    END,
    'started', extract(epoch FROM pg_postmaster_start_time()),
    'signal', (pg_stat_file('standby.signal', true)).size IS NOT NULL,
    'primary_conninfo', current_setting('primary_conninfo'),
    'max_connections', current_setting('max_connections')::int,
    'pending_restart', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_settings WHERE pending_restart),
    -- who follows, and through which slot
    'followers', (
        SELECT coalesce(json_agg(json_build_array(application_name, host(client_addr), state, slot_name)
            ORDER BY application_name), '[]')
        FROM pg_stat_replication LEFT JOIN pg_replication_slots ON active_pid = pid
    ),
    'slots', (SELECT coalesce(json_agg(slot_name ORDER BY slot_name), '[]') FROM pg_replication_slots),
    -- whom it follows, and through which slot
    'follows', (SELECT json_build_array(status, sender_host, slot_name) FROM pg_stat_wal_receiver),
    'alone', to_regclass('public.alone') IS NOT NULL
)
