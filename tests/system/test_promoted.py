# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers say who is primary: a promotion by hand is respected, and groups move nobody."""

from __future__ import annotations

from support.hosts import Fleet
from support.hosts.controller import Controller
from support.hosts.states import plan_line

NODES = ("db-1", "db-2", "db-3")


def facts(fleet: Fleet, *names: str) -> dict[str, object]:
    query = "SELECT pg_is_in_recovery(), pg_postmaster_start_time(), current_setting('primary_conninfo')"
    return {name: fleet[name].sql(query) for name in names}


def test_swapped_groups_move_nothing(cluster: Fleet, controller: Controller) -> None:
    before = facts(cluster, *NODES)
    controller.inventory(master=["db-3"], hot_standby=["db-1", "db-2"])
    run = controller.playbook("site", check=True)
    assert run.changed == dict.fromkeys((*NODES, "localhost"), 0)
    assert facts(cluster, *NODES) == before


def test_a_standby_promoted_by_hand_is_left_alone(cluster: Fleet, controller: Controller) -> None:
    cluster["db-2"].sql("SELECT pg_promote()")
    before = facts(cluster, *NODES)
    run = controller.playbook("site")
    assert run.returncode != 0
    assert "[two_primaries]" in run.output
    assert "db-1 (timeline 1" in run.output
    assert "db-2 (timeline 2" in run.output
    assert "hot_standby_replace_data=true" in run.output, "the way out"
    assert not any(run.changed.values())
    assert facts(cluster, *NODES) == before

    # the way out, as the message says it: db-2 is the right one, so db-1 is stopped and given away, and with it
    # db-3, which went on following db-1 past the fork
    for name in ("db-1", "db-3"):
        cluster[name].run("systemctl", "stop", "postgresql@15-main")
    give_away = {"hot_standby_replace_data": True}
    controller.inventory(["db-1"], ["db-2", "db-3"], host_variables={"db-1": give_away})
    run = controller.playbook("site")
    assert run.returncode != 0
    assert "[diverged] db-3" in run.output
    assert not any(run.changed.values())
    controller.inventory(["db-1"], ["db-2", "db-3"], host_variables={"db-1": give_away, "db-3": give_away})
    run = controller.playbook("site", check=True)
    assert "is the running primary, on timeline 2" in plan_line(run, "db-2", "none")
    assert cluster["db-1"].sql("SELECT pg_is_in_recovery()") == [["t"]]
    after = facts(cluster, "db-2")
    assert after["db-2"] == before["db-2"], "the promoted node was not even restarted"
    assert sorted(cluster["db-2"].sql("SELECT application_name, state FROM pg_stat_replication")) == [
        ["db-1", "streaming"],
        ["db-3", "streaming"],
    ]
    # db-1 held slots for the others while it was primary; a standby that keeps them would pin WAL for ever
    assert cluster["db-1"].sql("SELECT count(*) FROM pg_replication_slots") == [["0"]]
    assert all(count == 0 for count in controller.playbook("site", check=True).changed.values())
