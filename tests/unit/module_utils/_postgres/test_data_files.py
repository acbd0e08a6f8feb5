# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody put into a data directory rules out a rewind, or a clone."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import (
    DEVICE,
    FIFO,
    SOCKET,
    UNREADABLE_DIRECTORY,
    UNREADABLE_FILE,
    DataFiles,
    OddFile,
    clone_obstacle,
    rewind_obstacle,
)

NOTHING = DataFiles()


def odd(path: str, kind: str, *, linked: bool = False) -> DataFiles:
    return DataFiles(odd=(OddFile(path, kind, linked),))


@pytest.mark.parametrize("kind", [FIFO, SOCKET, DEVICE, UNREADABLE_FILE, UNREADABLE_DIRECTORY])
@pytest.mark.parametrize("linked", [False, True])
def test_what_the_source_has_rules_a_rewind_out(kind: str, linked: bool) -> None:
    told = rewind_obstacle(NOTHING, odd("sub/odd", kind, linked=linked), "db-1")
    assert told
    assert f"the data directory of db-1: sub/odd ({kind})" in told


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (odd("secret", UNREADABLE_FILE), "secret (unreadable file)"),
        (odd("a/secret", UNREADABLE_DIRECTORY), "a/secret (unreadable directory)"),
        (odd("log/secret", UNREADABLE_FILE, linked=True), None),
        (odd("pg_wal/secret", UNREADABLE_FILE), None),
        (odd("sock", SOCKET), None),
        (odd("fifo", FIFO), None),
        (None, None),
        (DataFiles(odd=tuple(OddFile(str(n), UNREADABLE_FILE) for n in range(5))), "and 2 more"),
    ],
)
def test_what_rules_a_clone_out(files: DataFiles | None, expected: str | None) -> None:
    told = clone_obstacle(files)
    assert expected in told if expected and told else told == expected


@pytest.mark.parametrize(
    ("target", "source", "stops"),
    [
        (DataFiles(links=("log",)), NOTHING, False),
        (DataFiles(links=("log",)), DataFiles(others=("log",)), True),
        (DataFiles(links=("log",)), None, False),
        (DataFiles(links=("pg_stat_tmp",)), NOTHING, True),
        (DataFiles(links=("pg_wal",)), NOTHING, False),
        (odd("mine", FIFO), NOTHING, False),
        (odd("mine", UNREADABLE_FILE), NOTHING, False),
        (odd("mine", UNREADABLE_DIRECTORY), NOTHING, True),
        (odd("log/mine", UNREADABLE_DIRECTORY, linked=True), NOTHING, False),
        (odd("global/mine", FIFO), NOTHING, True),
        (None, NOTHING, False),
    ],
)
def test_what_the_node_itself_has_rules_a_rewind_out(
    target: DataFiles | None, source: DataFiles | None, stops: bool
) -> None:
    assert bool(rewind_obstacle(target, source, "db-1")) is stops
