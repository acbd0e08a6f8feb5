# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes away what binds a standby to its upstream."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_edits import rewritten
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import (
    plain_errors,
    read_text,
    replace_text,
    write_private,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.live_server import reload_configuration
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.server_processes import receiver_process
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.standby import StandbyServer
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import SystemClock, wait_until

SETTING = "primary_conninfo"
# The startup process ends the walreceiver at once; one that is paused, or busy, does not see to it.
GRACE_SECONDS = 1.5


@dataclass(frozen=True)
class Attachment:
    """What binds a standby to its upstream."""

    text: str | None
    wanted: str | None
    in_force: bool
    receiver: int | None

    @property
    def edit(self) -> bool:
        return self.wanted is not None and self.wanted != self.text

    def __bool__(self) -> bool:
        return self.edit or self.in_force or self.receiver is not None


def attachment_of(server: StandbyServer, path: str) -> Attachment:
    """What binds it. path: the file of its recovery settings. Raises HotStandbyError "overridden"."""
    process = receiver_process(server.data_directory)
    receiver = process[0] if process else None
    if not server.dialect.primary_conninfo_reloads:
        return Attachment(None, None, in_force=False, receiver=receiver)
    text = read_text(path)
    in_force = bool(server.session.value("SELECT pg_catalog.current_setting(%s)", (SETTING,)))
    source = server.session.value("SELECT source FROM pg_catalog.pg_settings WHERE name = %s", (SETTING,))
    if in_force and source == "command line":
        raise HotStandbyError(
            "overridden",
            f"{SETTING} is set on the command line of the server in {server.data_directory}",
            "Start it without that",
        )
    return Attachment(text, rewritten(text or "", {SETTING: ""}), in_force=in_force, receiver=receiver)


def detach(server: StandbyServer, path: str, found: Attachment, timeout_seconds: int) -> float:
    """Take away what binds it, and wait until no walreceiver is left; return the seconds."""
    clock = SystemClock()
    started = clock.now()
    if server.dialect.primary_conninfo_reloads:
        if found.edit:
            _write(path, found.wanted or "")
        try:
            reload_configuration(server.session.target, timeout_seconds)
        except HotStandbyError as error:
            if error.name == "unreadable_settings" and found.edit:
                _write(path, found.text or "")
            raise
        grace = GRACE_SECONDS
    else:
        grace = 0.0
    reloaded = clock.now()

    def gone() -> bool:
        process = receiver_process(server.data_directory)
        if process is None:
            return True
        if clock.now() - reloaded >= grace:
            with suppress(ProcessLookupError):
                os.kill(process[0], signal.SIGTERM)
        return False

    wait_until(gone, timeout_seconds, "no walreceiver runs on this standby", "See its server's log")
    in_force = "SELECT pg_catalog.current_setting(%s)"
    if server.dialect.primary_conninfo_reloads and server.session.value(in_force, (SETTING,)):
        raise HotStandbyError(
            "still_attached",
            f"{SETTING} is empty in {path}, but the server at {server.session.target} has another value in force",
            "See which file sets it: SELECT * FROM pg_catalog.pg_file_settings",
        )
    return round(clock.now() - started, 3)


def _write(path: str, text: str) -> None:
    with plain_errors():
        if os.path.exists(path):
            replace_text(path, text)
        else:
            write_private(path, text)
