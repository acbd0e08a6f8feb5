# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of an old data directory is PostgreSQL's."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.old_content import (
    DATA,
    DIRECTORY,
    FILE,
    LINK,
    OTHER,
    TABLESPACE,
    WAL,
    is_servers,
    kind_of,
)

SERVERS = (
    "PG_VERSION",
    "postgresql.conf",
    "postgresql.auto.conf",
    "pg_hba.conf",
    "standby.signal",
    "standby.signal.hotstandby-hidden",
    "recovery.conf",
    "backup_manifest",
    "hotstandby.promotion_pending",
    "autoprewarm.blocks",
    "base/5/1259",
    "base/5/1259_fsm",
    "base/5/1259_vm.3",
    "base/5/16400_init",
    "base/5/t3_16400",
    "base/5/pg_internal.init.1234",
    "base/pgsql_tmp/pgsql_tmp1234.0",
    "base/pgsql_tmp/pgsql_tmp1234.0.sharedfileset/i1of2.p0.0",
    "pgsql_tmp.hotstandby-clone/base/5/1259",
    "global/pg_control",
    "global/pg_filenode.map",
    "pg_xact/0000",
    "pg_multixact/members/0000",
    "pg_logical/snapshots/0-16B374D8.snap",
    "pg_replslot/cdc/state",
    "pg_stat/pg_stat_statements.stat",
    "pg_wal/00000001000000000000000A",
    "pg_wal/00000001000000000000000A.partial",
    "pg_wal/00000001000000000000000A.00000028.backup",
    "pg_wal/00000002.history",
    "pg_wal/archive_status/00000002.history.done",
    "pg_wal/archive_status/00000001000000000000000A.00000028.backup.ready",
    "pg_wal/pgsql_tmp.hotstandby-replaced/00000001000000000000000A",
    "log/postgresql-Mon.log",
)
SOMEBODYS = (
    "server.key",
    "README",
    "postgresql.conf.bak",
    "conf.d/mine.conf",
    "dump.sql",
    "base/dump.sql",
    "base/5/dump.sql",
    "base/5/sub/1259",
    "global/server.crt",
    "pg_wal/copy/00000001000000000000000A",
    "pg_wal/notes",
    "log/old/postgresql-Mon.log",
    "archive/00000001000000000000000A",
    "pgsql_tmp.hotstandby-old-20260101T000000/dump.sql",
    "pgsql_tmp.mine/dump.sql",
)


@pytest.mark.parametrize("path", SERVERS)
def test_what_is_postgresqls(path: str) -> None:
    assert is_servers(DATA, path, FILE)
    parents = path.split("/")[:-1]
    assert all(is_servers(DATA, "/".join(parents[: n + 1]), DIRECTORY) for n in range(len(parents)))


@pytest.mark.parametrize("path", SOMEBODYS)
def test_what_is_somebodys(path: str) -> None:
    assert not is_servers(DATA, path, FILE)


def test_links_and_what_is_neither_file_nor_directory() -> None:
    assert is_servers(DATA, "pg_wal", LINK)
    assert is_servers(DATA, "pg_tblspc/16400", LINK)
    assert not is_servers(DATA, "postgresql.conf", LINK)
    assert not is_servers(DATA, "pg_tblspc/mine", LINK)
    assert not is_servers(DATA, "base/5/1259", OTHER)
    assert not is_servers(DATA, "mine", DIRECTORY)


def test_what_lay_outside_of_the_data_directory() -> None:
    assert kind_of(["postgresql.conf", "x"]) == DATA
    assert kind_of(["PG_15_202209061"]) == TABLESPACE
    assert kind_of(["000000010000000000000001", "archive_status"]) == kind_of([]) == WAL
    assert is_servers(WAL, "000000010000000000000001", FILE)
    assert not is_servers(WAL, "notes", FILE)
    assert is_servers(TABLESPACE, "PG_15_202209061", DIRECTORY)
    assert is_servers(TABLESPACE, "PG_15_202209061/5/1259", FILE)
    assert not is_servers(TABLESPACE, "PG_15_202209061/5/notes", FILE)
    assert not is_servers(TABLESPACE, "notes", FILE)
