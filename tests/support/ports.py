# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TCP ports on 127.0.0.1 that no other test process on this machine takes meanwhile."""

from __future__ import annotations

import random
import socket

# Below the kernel's range of ephemeral ports, so that no outgoing connection grabs one.
PORTS = range(20000, 30000)


class PortReservation:
    """Reserves a TCP port by holding the UDP port of the same number: the kernel keeps the reservation,
    across users, and forgets it when this process ends."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def reserve(self) -> int:
        """A port on which nothing listens and which no other test process has reserved."""
        for port in random.sample(PORTS, len(PORTS)):
            holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                holder.bind(("127.0.0.1", port))
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            except OSError:
                holder.close()
                continue
            self._held.append(holder)
            return port
        raise RuntimeError("no free TCP port between 20000 and 29999 on 127.0.0.1")

    def release(self) -> None:
        """Give all ports back."""
        for holder in self._held:
            holder.close()
        self._held.clear()
