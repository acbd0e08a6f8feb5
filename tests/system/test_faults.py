# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The faults that tests cause and the client that they watch: what they rely on."""

from __future__ import annotations

from support import writer
from support.hosts import Fleet, faults
from support.hosts.host import Host
from support.hosts.states import serves
from support.waiting import wait_for
from support.writer import Writer


def reaches(host: Host, address: str) -> bool:
    return host.run("ping", "-c", "1", "-W", "1", address, check=False).returncode == 0


def test_a_cut_is_silent_counted_and_healed(hosts: Fleet) -> None:
    host, peer, other = hosts["db-4"], hosts["db-3"], hosts["db-2"]
    with faults.silent(host, peer.address):
        assert faults.dropped_from(host, peer.address) == 0
        assert not reaches(peer, host.address)
        assert faults.dropped_from(host, peer.address) > 0
        assert not reaches(host, peer.address)
        assert faults.dropped_to(host, peer.address) > 0
        assert reaches(other, host.address)
    assert reaches(peer, host.address)

    with faults.silent(host):
        assert not reaches(peer, host.address)
        assert not reaches(other, host.address)
        assert faults.dropped_from(host, peer.address) > 0
        assert faults.dropped_from(host, faults.CONTROLLER) == 0
        assert host.fault().startswith("ssh says")
        assert faults.dropped_from(host, faults.CONTROLLER) > 0
        assert reaches(host, host.address), "what it says to itself is let through"
    assert host.fault() == ""


def test_the_client_notices_gaps_and_losses(cluster: Fleet) -> None:
    primary, standby = cluster["db-1"], cluster["db-2"]
    with Writer([primary.address, standby.address]) as client:
        faults.kill_postmaster(primary, mask=True)
        assert not serves(primary)
        assert faults.server_pids(primary, "") == []
        wait_for(lambda: client.errors, "the client to notice")
        last = client.acknowledged[-1]
        assert client.longest_gap().before <= last
        assert primary.run("systemctl", "start", faults.UNIT, check=False).returncode != 0
        faults.unmask(primary)
        primary.run("systemctl", "start", faults.UNIT)
        after = client.proceed()
        gap = client.longest_gap()
        assert (gap.before, gap.after) == (last, gap.after)
        assert last < (gap.after or 0) <= after

        # a silent host is noticed too
        client.lap()
        faults.cut(primary)
        noticed = len(client.errors)
        wait_for(lambda: len(client.errors) > noticed, "the client to notice that nobody answers")
        faults.heal(primary)
        client.proceed()
    assert client.lost(primary) == []
    wait_for(lambda: client.lost(standby) == [], "the standby to have all")

    primary.sql(f"DELETE FROM written WHERE n = {last} AND writer = '{client.name}'", database=writer.DATABASE)
    assert client.lost(primary) == [last]


def test_what_is_held_does_nothing_and_a_reboot_heals(cluster: Fleet) -> None:
    primary, standby = cluster["db-1"], cluster["db-2"]
    with Writer([primary.address]) as client:
        with faults.frozen(standby, "walreceiver"):
            row = client.proceed()
            wait_for(lambda: client.acknowledged[-1] > row + 10, "more rows")
            assert row in client.lost(standby)
        wait_for(lambda: row not in client.lost(standby), "the standby to have it")
        with faults.triggered(lambda: not standby.running, lambda: faults.boot(standby)) as done:
            faults.cut(standby)
            standby.kill()
            wait_for(done.is_set, "the watcher to switch it on again", 300)
        wait_for(lambda: row + 11 not in client.lost(standby), "the standby to go on")
        assert reaches(standby, primary.address)
