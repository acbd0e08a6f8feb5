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
    description: Seconds to wait for the LSN.
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
  description: How long the standby took to replay it, in seconds.
  returned: O(action=read)
  type: float
reason:
  description: What was done, in one sentence.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module import (
    instance_arguments,
    run_module,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._replication_probe import probe


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **instance_arguments(),
            "action": {"type": "str", "choices": ["write", "read"], "required": True},
            "token": {"type": "str", "no_log": False},
            "lsn": {"type": "str"},
            "timeout": {"type": "int", "default": 60},
        },
        required_if=[("action", "read", ("token", "lsn"))],
        supports_check_mode=True,
    )
    run_module(module, probe)


if __name__ == "__main__":
    main()
