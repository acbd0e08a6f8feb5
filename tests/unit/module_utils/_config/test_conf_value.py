# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When two values mean the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_value import (
    bytes_of,
    same_value,
    setting_text,
)


# vartype and unit as pg_settings has them; None where no server was asked
@pytest.mark.parametrize(
    ("one", "other", "kind", "unit", "same"),
    [
        ("on", "true", "bool", None, True),
        ("on", "1", "bool", None, True),
        ("ON", "yes", "bool", None, True),
        ("off", "f", "bool", None, True),
        ("on", "off", "bool", None, False),
        ("o", "on", "bool", None, False),
        ("on", "true", None, None, True),
        ("on", "1", None, None, True),
        ("1GB", "1024MB", "integer", "8kB", True),
        ("131072", "1GB", "integer", "8kB", True),
        ("131072", "1GB", "integer", "kB", False),
        ("1GB", "1024MB", None, None, True),
        ("1GB", "1073741824B", None, None, True),
        ("1024", "1GB", None, None, False),
        ("1024", "1GB", "integer", "MB", True),
        ("1min", "60s", "integer", "ms", True),
        ("60000", "1min", "integer", "ms", True),
        ("1d", "24h", None, None, True),
        ("1.5GB", "1536MB", "integer", "kB", True),
        ("100", "100.0", "real", None, True),
        ("1e2", "100", "real", None, True),
        ("0x10", "16", "integer", None, True),
        ("0777", "511", "integer", None, True),
        ("0777", "777", "integer", None, False),
        ("-1", "-1", "integer", "MB", True),
        ("0", "0ms", "integer", "ms", True),
        ("1gb", "1GB", "integer", "8kB", False),
        ("many", "100", "integer", None, False),
        ("replica", "REPLICA", "enum", None, True),
        ("on", "yes", "enum", None, True),
        ("remote_apply", "on", "enum", None, False),
        ("a, b", "a,b", "string", None, False),
        ("", "", "string", None, True),
        ("1MB", "1024kB", "string", None, False),
        ("localhost", "*", None, None, False),
    ],
)
def test_same_value(one: str, other: str, kind: str | None, unit: str | None, same: bool) -> None:
    assert same_value(one, other, kind, unit) is same
    assert same_value(other, one, kind, unit) is same


@given(
    st.text(),
    st.sampled_from([None, "bool", "enum", "integer", "real", "string"]),
    st.sampled_from([None, "8kB", "MB", "ms"]),
)
def test_every_value_is_itself(value: str, kind: str | None, unit: str | None) -> None:
    assert same_value(value, value, kind, unit)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), ("x", "x"), ("", ""), (True, "on"), (False, "off"), (5, "5"), (-1, "-1"), (0.9, "0.9")],
)
def test_values_from_yaml(value: Any, text: str | None) -> None:
    assert setting_text(value) == text


@pytest.mark.parametrize("value", [[1], {"a": 1}, b"x"])
def test_other_types_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="neither a text, a number, a truth value nor null"):
        setting_text(value)


@pytest.mark.parametrize(
    ("value", "number"), [(0, 0), ("16777216", 16777216), ("16MB", 16777216), ("1 GB", 1024**3), ("8kB", 8192)]
)
def test_bytes_have_the_units_of_postgresql(value: Any, number: int) -> None:
    assert bytes_of(value) == number
