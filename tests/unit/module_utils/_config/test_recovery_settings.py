# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recovery settings by version."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config import conninfo
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_edits import rewritten
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_settings import (
    primary_conninfo,
    wanted_settings,
    without_settings,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


@given(TEXT, TEXT, TEXT)
def test_conninfo_survives_the_file(host: str, user: str, name: str) -> None:
    """Whatever the names hold: conninfo quoting within the quoting of the file."""
    dialect = Dialect.for_version("15")
    text = primary_conninfo(host, 5432, user, "/p", name, dialect)
    text = rewritten("", wanted_settings(dialect, text, "s", None, {}))
    parsed = conninfo.parse(ConfFile.parse(text).get("primary_conninfo") or "")
    assert (parsed["host"], parsed["user"], parsed["application_name"]) == (host, user, name)
    assert not {"password", "dbname", "replication"} & parsed.keys()


def test_passfile_only_where_libpq_takes_it() -> None:
    old, new = (primary_conninfo("h", 1, "u", "/p", "n", Dialect.for_version(version)) for version in ("9.6", "10"))
    assert ("passfile" in old, "passfile" in new) == (False, True)


@given(st.lists(st.sampled_from(["a = 1", "B = 'x'", "# a = 2", "", "include 'a'", "?? broken", "c=3 # a"])))
def test_other_lines_survive(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert without_settings(text, ()) == text
    kept = [line for line in lines if not line.startswith(("a =", "B ="))]
    assert without_settings(text, ("A", "b")) == "\n".join(kept)
