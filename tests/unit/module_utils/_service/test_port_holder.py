# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets that listen, and whose they are."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.port_holder import (
    find_holder,
    listening_inodes,
)


def test_listening_inodes() -> None:
    text = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 4242 1 0 100 0 0 10 0
   1: 0100007F:1539 00000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 4343 1 0 100 0 0 10 0
   2: 0100007F:1538 0100007F:D431 01 00000000:00000000 00:00000000 00000000   102        0 4444 1 0 100 0 0 10 0
"""
    assert listening_inodes(text, 5432) == ["4242"]
    assert listening_inodes("", 5432) == []


def test_nobody_holds_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    (tmp_path / ".s.PGSQL.1.lock").write_text("rubbish\n")
    assert find_holder(1, ["no-such-host.invalid"], [str(tmp_path), "/nonexistent"]) is None
