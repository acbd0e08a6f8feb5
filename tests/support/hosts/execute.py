# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands in a container, without a byte of their output lost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from docker import APIClient
from docker.models.containers import Container
from docker.utils.socket import frames_iter_no_tty

from support.waiting import wait_for

# The package docker reads output past the buffer that took the headers of the answer: what comes on the heels of
# the headers is lost, without an error (docker-py issue 3332). So the command waits for a line from us, which we
# send when we have the headers.
_WHEN_TOLD = 'read -r told && exec "$@" </dev/null'
_STDOUT = 1


@dataclass(frozen=True)
class Completed:
    """What a command on a host left: its exit status and its output."""

    returncode: int
    stdout: str
    stderr: str


def execute(engine: APIClient, container: Container, command: Sequence[str], user: str) -> Completed:
    """Run a command as a user and wait for its end.

    :raises docker.errors.APIError: the engine runs no command in the container, which is stopped for instance.
    """
    made = engine.exec_create(container.id, ["sh", "-c", _WHEN_TOLD, "sh", *command], user=user, stdin=True)
    output = [bytearray(), bytearray()]
    with cast(BinaryIO, engine.exec_start(made["Id"], socket=True)) as stream:
        os.write(stream.fileno(), b"\n")
        for channel, data in frames_iter_no_tty(stream):
            output[channel != _STDOUT] += cast(bytes, data)
    # the stream ends a moment before the engine has the status
    wait_for(lambda: not engine.exec_inspect(made["Id"])["Running"], f"the status of {command[0]}")
    status = engine.exec_inspect(made["Id"])["ExitCode"]
    return Completed(int(status), *(part.decode(errors="replace") for part in output))
