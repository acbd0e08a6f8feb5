#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wal_receiver
short_description: Freeze a standby, before positions are compared
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Makes C(primary_conninfo) of a running standby empty, in C(postgresql.auto.conf), and waits until no walreceiver
    runs. All else in that file stays. Tells the position at which the standby stands.
  - Below PostgreSQL 13 only a restart takes the upstream away. There the walreceiver is ended, which may try again;
    no file is changed.
  - M(hotstandby.postgresql.recovery_config) attaches it again.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
  - hotstandby.postgresql.instance
  - hotstandby.postgresql.look
options:
  state:
    description: What it has to be.
    type: str
    choices: [detached]
    default: detached
  timeout:
    description: Seconds to wait until no walreceiver runs.
    type: int
    default: 60
requirements:
  - psycopg2
seealso:
  - module: hotstandby.postgresql.recovery_config
  - module: hotstandby.postgresql.promote
"""

EXAMPLES = r"""
- name: Take no WAL from anybody from here on
  hotstandby.postgresql.wal_receiver:
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /var/lib/postgresql/15/main
  become: true
  become_user: postgres
  register: frozen
"""

RETURN = r"""
received:
  description: LSN up to which WAL was received. None when none was since the server started.
  returned: success
  type: str
  sample: 0/5000110
replayed:
  description: LSN up to which WAL is replayed.
  returned: success
  type: str
  sample: 0/5000110
position:
  description: The greater of both, the end of what this standby has.
  returned: success
  type: str
  sample: 0/5000110
timeline:
  description: The timeline that it is on.
  returned: success
  type: int
  sample: 1
waited_seconds:
  description: Seconds until no walreceiver ran.
  returned: success
  type: float
reason:
  description: What was or would be done, in one sentence.
  returned: success
  type: str
error_name:
  description:
    - Short stable name of what went wrong, for example V(not_running), V(not_a_standby), V(overridden),
      V(unreadable_settings), V(still_attached).
  returned: failure
  type: str
  sample: not_a_standby
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import (
    RUN_ARGUMENT,
    instance_arguments,
    run_module,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.look import LOOK_ARGUMENT, look_again
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.wal_receiver import wal_receiver


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **RUN_ARGUMENT,
            **LOOK_ARGUMENT,
            **instance_arguments(),
            "state": {"type": "str", "choices": ["detached"], "default": "detached"},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    run_module(module, wal_receiver, look=look_again)


if __name__ == "__main__":
    main()
