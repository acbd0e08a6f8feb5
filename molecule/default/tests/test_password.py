# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The replication password is where it must be and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import Callable

from testinfra.host import Host

testinfra_hosts = ["ansible://all"]

Sql = Callable[[str], list[list[str]]]

# What tells the password from any other text in whatever quoting: no layer of quoting touches these.
MARKS = ("hash {{ braces }}", "Grüße")

PLACES = "/etc /home /opt /root /run /srv /tmp /usr/local /var"


def found_by(host: Host, command: str) -> list[str]:
    """Lines of a shell command's output; in it, {marks} is a file with the marks, one a line.

    The marks travel encoded: sudo writes every command to the journal, which is searched too.
    """
    encoded = base64.b64encode("\n".join(MARKS).encode()).decode()
    with host.sudo():
        file = host.check_output(f"file=$(mktemp) && echo {encoded} | base64 --decode >$file && echo $file")
        try:
            printed: str = host.run(command.format(marks=file)).stdout
        finally:
            host.check_output(f"rm {file}")
    return [line for line in printed.splitlines() if line != file]


def test_the_marks_are_of_the_password(password: str) -> None:
    assert [mark for mark in MARKS if mark not in password] == []


def test_password_is_in_no_file_but_the_passfile(host: Host) -> None:
    """Everywhere on the host, the logs of the server, of the system and of sudo included."""
    found = found_by(host, f"grep --recursive --files-with-matches --text --fixed-strings --file={{marks}} {PLACES}")
    with host.sudo():
        owners = [(host.file(path).user, host.file(path).mode) for path in found]
    assert owners == [("postgres", 0o600)], found


def test_password_is_in_no_command_line_and_no_environment(host: Host) -> None:
    every = "for file in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do tr '\\0' '\\n' <$file; done"
    assert found_by(host, f"({every}) 2>/dev/null | grep --text --fixed-strings postgres")
    assert found_by(host, f"({every}) 2>/dev/null | grep --text --fixed-strings --file={{marks}}") == []


def test_password_is_not_in_the_journal(host: Host) -> None:
    assert found_by(host, "journalctl --no-pager --output=cat | grep --text --fixed-strings sudo")
    assert found_by(host, "journalctl --no-pager --output=cat | grep --text --fixed-strings --file={marks}") == []
