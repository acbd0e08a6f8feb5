# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: another Python of the host, where the one that Ansible uses has no psycopg2."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned, respawn_module

# For these the distributions' packages install psycopg2.
SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python")
SESSION = f"{__name__.rpartition('._module.')[0]}._server.session"
SUITABLE = "import sys, psycopg2, psycopg2.extras; sys.exit(sys.version_info < (3, 9))"


def use_one_with_psycopg2(module: AnsibleModule) -> None:
    """Start the module anew with the system's Python, when it asks servers, has no psycopg2, and that one has it.

    Before anything is done. Does not return then.
    """
    session = sys.modules.get(SESSION)
    if session is None or session.HAS_PSYCOPG2 or has_respawned():
        return
    found = suitable(module, SYSTEM_PYTHONS)
    if found:
        respawn_module(found)


def suitable(module: AnsibleModule, paths: Iterable[str]) -> str | None:
    """The first of these interpreters that has psycopg2 and is not too old for us."""
    for path in paths:
        if os.access(path, os.X_OK) and module.run_command([path, "-c", SUITABLE])[0] == 0:
            return path
    return None
