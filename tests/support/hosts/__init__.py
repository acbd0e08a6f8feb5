# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test hosts: containers with systemd and sshd that Ansible reaches over ssh, as it reaches a user's hosts.

Used by the molecule scenarios (``python -m support.hosts create ...``) and by tests/system (class Fleet).

- recipe: what is in the image of a host
- image: builds the image, once
- engine: sees that a Docker engine answers
- access: the ssh key and the known host keys
- host, fleet: one host, and the hosts of one test run
"""

from __future__ import annotations

from support.hosts.engine import HostsError, ensure_docker
from support.hosts.execute import Completed
from support.hosts.fleet import Fleet
from support.hosts.host import Host

__all__ = ["Completed", "Fleet", "Host", "HostsError", "ensure_docker"]
