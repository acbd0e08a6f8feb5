# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The replication password is where it must be and nowhere else."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from testinfra.host import Host

testinfra_hosts = ["ansible://all"]

Sql = Callable[[str], list[list[str]]]

# What tells the password from any other text in whatever quoting: no layer of quoting touches these.
MARKS = ("hash {{ braces }}", "Grüße")


def test_password_is_in_no_file_but_the_passfile(host: Host, password: str) -> None:
    """That is, in one file at most, which only the owner of the server can read: every directory is searched."""
    command = ["grep", "--recursive", "--files-with-matches", "--binary-files=text", "--fixed-strings"]
    for mark in MARKS:
        assert mark in password
        command += ["-e", mark]
    places = ["/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/usr/local", "/var"]
    with host.sudo():
        found = host.run(shlex.join([*command, *places])).stdout.splitlines()
        assert [(host.file(path).user, host.file(path).mode) for path in found] == [("postgres", 0o600)], found


def test_password_is_in_no_command_line_and_no_environment(host: Host) -> None:
    with host.sudo():
        printed = host.run("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'").stdout
    assert printed
    assert [mark for mark in MARKS if mark in printed] == []


def test_password_is_not_in_the_journal(host: Host) -> None:
    with host.sudo():
        printed = host.check_output("journalctl --no-pager --output=cat")
    assert printed
    assert [mark for mark in MARKS if mark in printed] == []
