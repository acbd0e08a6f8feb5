# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module wal_salvage: WAL that a dead primary never sent is read there, and taken over here."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._salvage.dead_cluster import list_segments
from ansible_collections.hotstandby.postgresql.plugins.module_utils._salvage.delivery import install_segments


def wal_salvage(module: AnsibleModule) -> dict[str, Any]:
    """List what the dead primary has, or install it on the candidate. Raises HotStandbyError."""
    if module.params["state"] == "listed":
        return list_segments(module, _lsn(module.params["from_lsn"], "from_lsn"))
    return install_segments(module, _lsn(module.params["end"], "end"))


def _lsn(text: str, parameter: str) -> Lsn:
    try:
        return Lsn.parse(text)
    except ValueError as error:
        raise HotStandbyError("bad_value", str(error), f"Correct {parameter}") from None
