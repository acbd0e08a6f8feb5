# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test hosts themselves: what the other tests rely on."""

from __future__ import annotations

import subprocess
import time
from http.client import HTTPResponse

import pytest

from support.hosts import Completed, Fleet, HostsError, snapshot
from support.hosts.controller import CHECKOUT, Controller, environment
from support.waiting import wait_for


def ansible(controller: Controller, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ansible", "-i", str(controller.path), "all", *arguments],
        cwd=CHECKOUT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_virgin_hosts_are_reached_as_a_user_reaches_his(virgins: Fleet, controller: Controller) -> None:
    done = ansible(controller, "--become", "-m", "command", "-a", "id --user")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("CHANGED | rc=0 >>\n0\n") == 3  # db-4 is not in the inventory
    for host in virgins.hosts.values():
        left = host.run("sh", "-c", "ls -d /etc/postgresql* /usr/lib/postgresql /var/lib/postgresql", check=False)
        assert left.stdout == ""


def test_output_that_comes_on_the_heels_of_the_headers_is_kept(
    hosts: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = HTTPResponse.begin

    def begin_late(response: HTTPResponse) -> None:
        ready = time.monotonic() + 0.5  # by then a command that nobody holds back has said everything
        wait_for(lambda: time.monotonic() > ready, "a reader that is late")
        begin(response)

    monkeypatch.setattr(HTTPResponse, "begin", begin_late)
    done = hosts["db-4"].run("sh", "-c", "echo said; echo complained >&2; cat; exit 3", check=False)
    assert done == Completed(3, "said\n", "complained\n")


def test_a_host_comes_back_from_a_crash_with_its_disk_and_address(hosts: Fleet) -> None:
    host = hosts["db-4"]
    host.run("touch", "/etc/kept", "/run/lost")
    host.kill()
    assert not host.running
    host.start()
    assert host.read("/etc/kept") == b""
    with pytest.raises(HostsError, match="test -e /run/lost ended with 1"):
        host.run("test", "-e", "/run/lost")


def test_a_host_without_its_cable_is_not_reached(hosts: Fleet) -> None:
    host, peer = hosts["db-4"], hosts["db-3"]
    ping = ["ping", "-c", "1", "-W", "1", host.address]
    peer.run(*ping)
    host.disconnect()
    assert peer.run(*ping, check=False).returncode != 0
    host.connect()
    host.wait_until_up()
    peer.run(*ping)


def test_a_saved_host_comes_back_as_it_was(hosts: Fleet) -> None:
    assert not hosts.restore("marked")
    hosts["db-4"].run("touch", "/etc/marked")
    hosts.save("marked")
    hosts.recreate("db-4")
    with pytest.raises(HostsError, match="there is no /etc/marked"):
        hosts["db-4"].read("/etc/marked")
    assert hosts.restore("marked")
    assert hosts["db-4"].read("/etc/marked") == b""


def test_every_kind_of_change_to_a_file_is_noticed(hosts: Fleet) -> None:
    hosts.recreate("db-4")
    host = hosts["db-4"]
    before = snapshot.take(host)
    assert len(before) > 5000
    assert snapshot.differences(before, snapshot.take(host)) == []
    for command in (
        "echo >>/etc/passwd",
        "chmod 600 /etc/issue",
        "touch '/etc/new file'",
        "rm /etc/debian_version",
        "ln -sfn elsewhere /etc/os-release",
    ):
        host.run("sh", "-c", command)
    lines = snapshot.differences(before, snapshot.take(host))
    assert [line.split(" (")[0] for line in lines] == [
        "new: /etc/new file",
        "gone: /etc/debian_version",
        "changed: /etc/issue",
        "changed: /etc/os-release",
        "changed: /etc/passwd",
    ]
