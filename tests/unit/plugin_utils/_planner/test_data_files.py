# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan makes of files that somebody put into a data directory."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import (
    FIFO,
    UNREADABLE_FILE,
    DataFiles,
    OddFile,
)
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.converge import plan_rejoin
from support.clusters import cluster, primary, stopped


def odd(path: str, kind: str, *, linked: bool = False) -> DataFiles:
    return DataFiles(odd=(OddFile(path, kind, linked),))


def test_the_plan_clones_where_a_rewind_would_hang_and_names_the_file() -> None:
    new = replace(primary("db-2", timeline=2, position="0/8000000"), files=odd("fifo", FIFO))
    step = plan_rejoin(cluster(new, stopped("0/5000008"))).nodes[1].steps[0]
    assert step.kind == "clone"
    assert "fifo (fifo)" in step.reason
    refusal = plan_rejoin(cluster(new, stopped("0/5000008"), allow_clone=False)).refusals[0]
    assert refusal.name == "cannot_rewind"
    assert "fifo (fifo)" in refusal.message


def test_the_plan_refuses_a_clone_that_would_fail_half_way() -> None:
    new = replace(primary("db-2", timeline=2, position="0/8000000"), files=odd("key", UNREADABLE_FILE))
    refusal = plan_rejoin(cluster(new, stopped("0/5000008"))).refusals[0]
    assert (refusal.name, refusal.host) == ("source_unreadable", "db-1")
    assert "key (unreadable file)" in refusal.message
    follows = plan_rejoin(cluster(new, stopped("0/5000000")))
    assert not follows.refusals, "it stands in the way of nothing else"
