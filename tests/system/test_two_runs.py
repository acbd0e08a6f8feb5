# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs at the same time, to two candidates: never two primaries, and who is refused says why."""

from __future__ import annotations

import re
import time

from support.hosts import Fleet
from support.hosts.controller import Controller
from support.hosts.faults import kill_postmaster
from support.hosts.states import in_recovery
from support.waiting import wait_for
from support.writer import STREAMING

REFUSED = re.compile(r"\[(in_progress|overtaken|another_promoted)\]|this run was overtaken by")
TAKE_OVER = ("-e", "take_over=true")


def both(controller: Controller, playbook: str, option: str, apart: float, *second: str) -> list[tuple[int, str]]:
    """Exit code and output of two runs, to db-2 and, so many seconds later, to db-3 with more arguments."""
    first_run = controller.start(playbook, "-e", f"{option}=db-2")
    time.sleep(apart)
    second_run = controller.start(playbook, "-e", f"{option}=db-3", *second)
    outputs = [run.communicate(timeout=600)[0] for run in (first_run, second_run)]
    return [(run.returncode, output) for run, output in zip((first_run, second_run), outputs)]


def writable(fleet: Fleet, *names: str) -> list[str]:
    return [name for name in names if not in_recovery(fleet[name])]


def test_two_failovers_to_two_candidates(cluster: Fleet, controller: Controller) -> None:
    cluster["db-1"].sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    kill_postmaster(cluster["db-1"], mask=True)
    outcomes = both(controller, "failover", "failover_to", 6, *TAKE_OVER)
    primaries = writable(cluster, "db-2", "db-3")
    told = "\n\n".join(output for dummy, output in outcomes)
    assert len(primaries) <= 1, told
    assert any(code != 0 and REFUSED.search(output) for code, output in outcomes), told
    if not primaries:
        # their first looks crossed, and neither went on
        controller.playbook("failover", "-e", "failover_to=db-2", check=True)
        primaries = writable(cluster, "db-2", "db-3")
    (name,) = primaries
    assert cluster[name].sql("SELECT count(*) FROM t") == [["1000"]]
    assert cluster[name].run("test", "-e", "/var/lib/postgresql/hotstandby-15-main.run", check=False).returncode == 0


def test_two_switchovers_to_two_candidates(cluster: Fleet, controller: Controller) -> None:
    cluster["db-1"].sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    wait_for(lambda: cluster["db-1"].sql(STREAMING) == [["db-2"], ["db-3"]], "both standbys to stream")
    outcomes = both(controller, "switchover", "switchover_to", 0.2)
    primaries = writable(cluster, "db-1", "db-2", "db-3")
    told = "\n\n".join(output for dummy, output in outcomes)
    assert len(primaries) == 1, told
    assert any(code != 0 and REFUSED.search(output) for code, output in outcomes), told
    assert cluster[primaries[0]].sql("SELECT count(*) FROM t") == [["1000"]]
    again = controller.playbook("site", check=True)
    assert set(again.changed.values()) == {0}, again.output
