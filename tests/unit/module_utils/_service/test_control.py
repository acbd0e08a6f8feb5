# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is to do until a server is in the wanted state."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.control import RELOAD, START, STOP, actions


@pytest.mark.parametrize(
    ("state", "running", "busy", "expected"),
    [
        ("started", False, False, (START,)),
        ("started", False, True, (START,)),
        ("started", True, True, ()),
        ("stopped", False, False, ()),
        ("stopped", False, True, (STOP,)),  # a unit that would start it again
        ("stopped", True, False, (STOP,)),
        ("restarted", False, False, (START,)),
        ("restarted", True, True, (STOP, START)),
        ("reloaded", False, False, ()),
        ("reloaded", True, True, (RELOAD,)),
    ],
)
def test_steps(state: str, running: bool, busy: bool, expected: tuple[str, ...]) -> None:
    assert actions(state, running, busy) == expected


@pytest.mark.parametrize(
    ("state", "expected"), [("started", (START,)), ("stopped", (STOP,)), ("restarted", (STOP, START)), ("reloaded", ())]
)
def test_steps_where_processes_have_outlived_their_postmaster(state: str, expected: tuple[str, ...]) -> None:
    assert actions(state, running=False, busy=False, orphans=True) == expected
