# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a program that failed."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Outcome


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome(1, "", "error: no route\n"), "error: no route"),
        (Outcome(1, "only output\n", ""), "only output"),
        (Outcome(1, "", "a\n b\nc\nd\ne\n"), "b; c; d; e"),
        (Outcome(3, "", " \n"), "exit code 3"),
        (Outcome(-9, "", ""), "it was killed by signal 9"),
        (Outcome(-15, "", "error: closed\n"), "it was killed by signal 15; error: closed"),
    ],
)
def test_complaint(outcome: Outcome, told: str) -> None:
    assert outcome.complaint == told
