# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The size of a primary is good to know, and no reason to fail."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._observe import server as observed_server
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import SqlError
from support.clusters import server

HERE = Endpoint("/tmp", 5432)


class Busy:
    """A session that runs into its time limit."""

    def __enter__(self) -> Busy:
        return self

    def __exit__(self, *dummy: object) -> None:
        pass

    def rows(self, _sql: str) -> list[dict[str, Any]]:
        raise SqlError("canceling statement due to statement timeout", "57014", HERE)


def test_a_size_that_takes_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Endpoint] = []

    def connect(target: Endpoint) -> Busy:
        asked.append(target)
        return Busy()

    monkeypatch.setattr(observed_server, "connect", connect)
    seen = server(size_bytes=None)
    assert observed_server.measured(seen, HERE, "/nowhere") == seen
    assert [target.statement_timeout_seconds for target in asked] == [observed_server.SIZES_SECONDS]
