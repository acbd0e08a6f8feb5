#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prepare_shutdown
short_description: Make the clean stop of a primary a quick one
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Writes a checkpoint, so that the one of the stop has little left to write.
  - Then ends the walsenders of standbys that have gone silent. A clean stop would wait for each of them until
    C(wal_sender_timeout), a minute by default. Silent is who confirms nothing new for O(silence) seconds while the
    checkpoint is not yet confirmed.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
  - hotstandby.postgresql.instance
options:
  keep:
    description: Application name of the standby that is needed. When that one is silent, nothing is ended.
    type: str
  silence:
    description: Seconds without a sign of life after which a standby is silent.
    type: float
    default: 2
  replay_patience:
    description:
      - Seconds for which the replay of O(keep) may stand still before the checkpoint. A stop would be in vain then,
        since that standby could not take over.
    type: float
    default: 10
  consumer_patience:
    description:
      - Seconds for which the consumer of a logical slot may confirm nothing while the checkpoint is not yet confirmed.
        One that gives a sign of life meanwhile is a reason to refuse, since a stop would wait for it for ever. The
        walsender of one that gives none is ended.
    type: float
    default: 10
    version_added: 1.1.0
  refuse_backup:
    description: Whether a base backup that is being taken is a reason to refuse.
    type: bool
    default: true
  timeout:
    description: Seconds for all of it. The checkpoint may take long.
    type: int
    default: 300
attributes:
  diff_mode:
    description: Nothing that a diff could show is changed.
    support: none
requirements:
  - psycopg2
seealso:
  - module: hotstandby.postgresql.promote
  - module: hotstandby.postgresql.server
"""

EXAMPLES = r"""
- name: See to it that the stop takes no longer than it has to
  hotstandby.postgresql.prepare_shutdown:
    data_directory: /var/lib/postgresql/15/main
    keep: db2
  become: true
  become_user: postgres
"""

RETURN = r"""
ended:
  description: Application name and address of each silent standby whose walsender was ended.
  returned: success
  type: list
  elements: str
  sample: [db3 (198.51.100.33)]
backups:
  description: Application name and address of each base backup that is being taken. It is not touched.
  returned: success
  type: list
  elements: str
  sample: []
checkpoint_lsn:
  description: End of the WAL after the checkpoint. None in check mode.
  returned: success
  type: str
  sample: 0/5000110
waited_seconds:
  description: Seconds that all of it took.
  returned: success
  type: float
reason:
  description: What was done, in one sentence.
  returned: success
  type: str
error_name:
  description:
    - Short stable name of what went wrong, for example V(not_running), V(not_a_primary), V(backup_running),
      V(candidate_not_attached), V(candidate_silent), V(candidate_not_replaying), V(standby_behind),
      V(consumer_not_confirming), V(checkpoint_too_slow).
  returned: failure
  type: str
  sample: candidate_silent
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import (
    RUN_ARGUMENT,
    instance_arguments,
    kept,
    run_module,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.prepare_shutdown import prepare_shutdown


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **RUN_ARGUMENT,
            **instance_arguments(),
            "keep": {"type": "str"},
            "silence": {"type": "float", "default": 2},
            "replay_patience": {"type": "float", "default": 10},
            "consumer_patience": {"type": "float", "default": 10},
            "refuse_backup": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    run_module(module, prepare_shutdown, kept)


if __name__ == "__main__":
    main()
