# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: a module that runs as any other, and from time to time a line that tells how far it is.

The module writes that into the file that its parameter progress names. A thread reads the file by a command of its own,
over a copy of the connection, since a connection plugin serves one thread. Nothing depends on it: where the file cannot
be read, the module goes on, and nothing is shown.
"""

from __future__ import annotations

import contextvars
import copy
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display

from ansible_collections.hotstandby.postgresql.plugins.module_utils._progress import LENGTH, Progress
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.progress_line import line_of

# What ends before is told by its result.
FIRST_SECONDS = 10.0
EVERY_SECONDS = 5.0
# Of what takes hours nobody needs a line, and a session on the host, every few seconds.
LATER_SECONDS, LATER_FROM_SECONDS = 30.0, 120.0
# A host that cannot be read from is left alone: each attempt may be a login.
MOST_FAILURES = 3
# A reader that hangs holds the end of the task up for so long.
LEAVE_SECONDS = 2.0

display = Display()


class WatchedModule(NormalAction):
    """The action of a module that may take hours."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        path = self._task.args.get("progress")
        if not path or self._task.check_mode or self._task.async_val:
            return self._run(tmp, task_vars)
        with self._shown(str(path), str((task_vars or {})["inventory_hostname"])):
            return self._run(tmp, task_vars)

    def _run(self, tmp: str | None, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = NormalAction.run(self, tmp, task_vars)
        return result

    @contextmanager
    def _shown(self, path: str, host: str) -> Iterator[None]:
        """Show how far the module is while the block lasts."""
        reader = copy.copy(self)
        reader.use_another_connection()
        over = threading.Event()
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(reader.show, path, host, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(LEAVE_SECONDS)

    def use_another_connection(self) -> None:
        """One with the same options, and nothing else in common with the one that runs the module."""
        connection = copy.copy(self._connection)
        if connection.become:
            connection.set_become_plugin(copy.copy(connection.become))
        self._connection = connection

    def show(self, path: str, host: str, over: threading.Event) -> None:
        """A line whenever there is something new. To stderr, as warnings: it is read at once, also from a pipe, and
        what a callback prints to stdout stays what it is."""
        before: Progress | None = None
        pause, waited, failures = FIRST_SECONDS, 0.0, 0
        while failures < MOST_FAILURES and not over.wait(pause):
            waited += pause
            pause = LATER_SECONDS if waited >= LATER_FROM_SECONDS else EVERY_SECONDS
            now = None
            failures += 1
            with suppress(Exception):
                now = self._read(path)
                failures = 0
            line = line_of(host, now, before) if now is not None else None
            if line is not None and not over.is_set():
                display.display(line, stderr=True)
            before = now or before

    def _read(self, path: str) -> Progress | None:
        """With the rights of the task; neither a link nor anything but a file is read."""
        name = shlex.quote(path)
        command = f"test -f {name} && test ! -L {name} && head -c {LENGTH} {name}"
        return Progress.from_text(str(self._low_level_execute_command(command).get("stdout", "")))
