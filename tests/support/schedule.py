# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of pytest's workers runs which file.

Tests on hosts of their own keep two cores busy with two files at a time, and a third set of hosts would have to be
built first. All other tests wait a quarter of their time: workers from the third on run files of those, and end before
the rest.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

HOSTS = "tests/system/"
WORKERS_WITH_HOSTS = ("gw0", "gw1")


class Schedule(LoadFileScheduling):
    """Files in the order given, as LoadFileScheduling, which is xdist's own."""

    def _reschedule(self, node: WorkerController) -> None:
        if node.gateway.id in WORKERS_WITH_HOSTS or self._without_hosts() is not None:
            super()._reschedule(node)
        elif not node.shutting_down:
            node.shutdown()  # once it has run what it was given

    def _assign_work_unit(self, node: WorkerController) -> None:
        first = self._without_hosts()
        if node.gateway.id not in WORKERS_WITH_HOSTS:
            if first is None:
                return
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)

    def _without_hosts(self) -> str | None:
        return next((path for path in self.workqueue if not path.startswith(HOSTS)), None)
