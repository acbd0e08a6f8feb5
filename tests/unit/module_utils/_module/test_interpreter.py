# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another Python is used only by modules that ask servers: those that have imported the session."""

from __future__ import annotations

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module import interpreter
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server import session


def test_the_session_is_known_by_its_name() -> None:
    assert session.__name__ == interpreter.SESSION
    assert hasattr(session, "HAS_PSYCOPG2")
