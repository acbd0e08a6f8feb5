#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replication_probe
short_description: Prove that a row written on the primary can be read on a standby
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - With O(action=write), on the primary, writes one row with a new token and tells up to which LSN a standby has
    to replay to see it. The row is in the table C(hotstandby.probe) of O(login_database), which is made when it
    is not there; there is one row per cluster, so the table does not grow.
  - With O(action=read), on a standby, waits until that LSN is replayed, reads the row, compares the token, and
    proves that the standby refuses a write.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
  - hotstandby.postgresql.instance
options:
  action:
    description: What to do.
    type: str
    choices: [write, read]
    required: true
  token:
    description: The token that the row has to have. For O(action=read).
    type: str
  lsn:
    description: The LSN to wait for. For O(action=read).
    type: str
  timeout:
    description: Seconds to wait.
    type: int
    default: 60
requirements:
  - psycopg2
attributes:
  check_mode:
    description: In check mode nothing is written and nothing is read.
    support: full
  idempotent:
    description: Each write replaces the row; this is a measurement and does not count as a change.
    support: full
"""

EXAMPLES = r"""
- name: Write the row on the primary
  hotstandby.postgresql.replication_probe:
    action: write
  register: written
  become: true
  become_user: postgres

- name: Read it on a standby
  hotstandby.postgresql.replication_probe:
    action: read
    token: "{{ written.token }}"
    lsn: "{{ written.lsn }}"
  become: true
  become_user: postgres
"""

RETURN = r"""
token:
  description: The token of the row.
  returned: when not in check mode
  type: str
lsn:
  description: The LSN up to which a standby has to replay (write), or has replayed (read).
  returned: when not in check mode
  type: str
waited_seconds:
  description: How long it took, in seconds.
  returned: O(action=read), when not in check mode
  type: float
reason:
  description: What was done, in one sentence.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import (
    RUN_ARGUMENT,
    instance_arguments,
    kept,
    run_module,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.replication_probe import replication_probe

# Each action and the parameters that it needs.
NEEDS: dict[str, tuple[str, ...]] = {
    "write": (),
    "read": ("token", "lsn"),
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **RUN_ARGUMENT,
            **instance_arguments(),
            "action": {"type": "str", "required": True, "choices": list(NEEDS)},
            "token": {"type": "str", "no_log": False},
            "lsn": {"type": "str"},
            "timeout": {"type": "int", "default": 60},
        },
        required_if=[("action", action, needed) for action, needed in NEEDS.items() if needed],
        supports_check_mode=True,
    )
    run_module(module, replication_probe, kept)


if __name__ == "__main__":
    main()
