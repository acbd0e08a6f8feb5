# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session of ours sets."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import SUPPORTED, Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.session_settings import (
    essential_options,
    program_environment,
    session_options,
    set_statements,
)


def test_a_value_with_a_space_stays_one_word() -> None:
    assert r"-c default_transaction_isolation=read\ committed" in session_options(30)


def test_the_time_limits_are_milliseconds() -> None:
    assert "-c statement_timeout=30000 -c lock_timeout=10000" in session_options(30)
    assert "-c statement_timeout=0 -c lock_timeout=0" in program_environment((), None)["PGOPTIONS"]


def test_the_servers_own_settings_are_seen_as_far_as_they_can() -> None:
    assert "TimeZone" not in essential_options(30)
    assert "search_path=pg_catalog,pg_temp" in essential_options(30)


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("9.5", []),
        ("9.6", ["idle_in_transaction_session_timeout"]),
        ("13", ["idle_in_transaction_session_timeout", "jit", "default_table_access_method"]),
        (
            "17",
            [*("idle_in_transaction_session_timeout", "jit", "default_table_access_method"), "idle_session_timeout"],
        ),
    ],
)
def test_no_version_is_asked_to_set_what_it_does_not_know(version: str, names: list[str]) -> None:
    found = [name for name, dummy in Dialect.for_version(version).session_settings]
    assert found[: len(names)] == names
    assert ("transaction_timeout" in found) == (version == "17")
    assert len(found) == len(names) + (version == "17")


def test_the_statements_set_each() -> None:
    assert set_statements(Dialect.for_version(SUPPORTED[-1]).session_settings).count("SET ") == 5
