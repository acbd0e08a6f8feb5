#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replication_wait
short_description: Wait until a standby streams, has an LSN or is armed, or another server was promoted
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - With O(action=streaming) and O(action=reached), on a standby, waits until it streams, or has an LSN.
  - With O(action=armed), on a standby, waits until M(hotstandby.postgresql.promote) is armed there.
  - With O(action=connects), opens a replication connection to another server and closes it again, without waiting.
  - With O(action=promoted), watches another server until it is on a newer timeline.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
  - hotstandby.postgresql.instance
options:
  action:
    description: What to wait for.
    type: str
    choices: [streaming, reached, armed, connects, promoted]
    required: true
  lsn:
    description: The LSN to wait for. For O(action=reached).
    type: str
  host:
    description: Address of another server. For O(action=connects) and O(action=promoted).
    type: str
  host_port:
    description: Its port.
    type: int
    default: 5432
  user:
    description: The replication user, for another server.
    type: str
  passfile:
    description: File with the user's password.
    type: path
  timeline:
    description: The timeline that the other server leaves. For O(action=promoted).
    type: int
  timeout:
    description: Seconds to wait.
    type: int
    default: 60
requirements:
  - psycopg2
attributes:
  check_mode:
    description: In check mode nothing is waited for.
    support: full
  idempotent:
    description: Nothing is ever changed.
    support: full
seealso:
  - module: hotstandby.postgresql.replication_probe
"""

EXAMPLES = r"""
- name: Wait until the standby streams
  hotstandby.postgresql.replication_wait:
    action: streaming
  become: true
  become_user: postgres

- name: See whether this host may follow another server
  hotstandby.postgresql.replication_wait:
    action: connects
    host: 192.0.2.11
    user: replicator
    passfile: /var/lib/postgresql/.hotstandby.pgpass
  become: true
  become_user: postgres
"""

RETURN = r"""
lsn:
  description: The LSN up to which the standby has received or replayed.
  returned: O(action=reached), when not in check mode
  type: str
timeline:
  description: The timeline of the other server.
  returned: O(action=connects), when not in check mode
  type: int
promoted:
  description: Whether the other server was seen on a newer timeline.
  returned: O(action=promoted), when not in check mode
  type: bool
answered:
  description: Whether the other server answered at all meanwhile.
  returned: O(action=promoted), when not in check mode
  type: bool
waited_seconds:
  description: How long it took, in seconds.
  returned: when not in check mode
  type: float
reason:
  description: What was seen, in one sentence.
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
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.replication_wait import replication_wait

# Each action and the parameters that it needs.
NEEDS: dict[str, tuple[str, ...]] = {
    "streaming": (),
    "reached": ("lsn",),
    "armed": (),
    "connects": ("host", "user"),
    "promoted": ("host", "user", "timeline"),
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **RUN_ARGUMENT,
            **instance_arguments(),
            "action": {"type": "str", "required": True, "choices": list(NEEDS)},
            "lsn": {"type": "str"},
            "host": {"type": "str"},
            "host_port": {"type": "int", "default": 5432},
            "user": {"type": "str"},
            "passfile": {"type": "path"},
            "timeline": {"type": "int"},
            "timeout": {"type": "int", "default": 60},
        },
        required_if=[("action", action, needed) for action, needed in NEEDS.items() if needed],
        supports_check_mode=True,
    )
    run_module(module, replication_wait, kept)


if __name__ == "__main__":
    main()
