# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the parameter of modules that answer with a look at the node."""

from __future__ import annotations


class ModuleDocFragment:
    """The parameter of module_utils/_module/look.py LOOK_ARGUMENT."""

    DOCUMENTATION = r"""
options:
  look:
    description:
      - Answer with what M(hotstandby.postgresql.node_info) would tell of the node now, as C(node), C(wanted_version)
        and C(claim) beside the other results. Not in check mode.
    type: dict
    version_added: 1.1.0
    suboptions:
      version:
        description: As in M(hotstandby.postgresql.node_info).
        type: str
      peers:
        description: As in M(hotstandby.postgresql.node_info).
        type: list
        elements: str
        default: []
      ask_as:
        description: As in M(hotstandby.postgresql.node_info).
        type: dict
        suboptions:
          user:
            description: The replication user.
            type: str
            required: true
          passfile:
            description: The file with its password.
            type: path
            required: true
"""
