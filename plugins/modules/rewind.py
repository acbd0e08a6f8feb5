#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rewind
short_description: Bring a stopped PostgreSQL server that has diverged back onto the primary's history
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Runs C(pg_rewind) on a data directory whose server does not run, so that it can be a standby of the primary
    again. What it alone had since its history left the primary's is gone afterwards.
  - First it makes sure that a rewind is possible at all. When none is, it changes nothing of the data and says why in
    RV(impossible), and the node has to be cloned.
  - The configuration and whatever else lies in the data directory and is not the server's own stays that of this node.
    Its replication slots are gone, see RV(slots_dropped).
  - Afterwards the directory can come up as nothing but a standby. What it is to follow is set by
    M(hotstandby.postgresql.recovery_config).
  - A rewind that is cut off leaves a directory in which no server starts. M(hotstandby.postgresql.node_info) calls it
    a wreck and M(hotstandby.postgresql.base_backup) clones over it.
  - Run it as the operating system user that owns the cluster.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
options:
  bin_directory:
    description: Directory of the server's programs.
    type: path
    required: true
  data_directory:
    description: The data directory. No server runs in it; in check mode one that runs counts as stopped before.
    type: path
    required: true
  config_directory:
    description: Directory of C(postgresql.conf). The data directory when it is not given.
    type: path
  version:
    description: Major version of the programs, for example V(15).
    type: str
    required: true
  primary_host:
    description: Address or name of the running primary.
    type: str
    required: true
  primary_port:
    description: Port of the primary.
    type: int
    default: 5432
  user:
    description:
      - The replication user. Access rules of the primary let it into C(replication) and C(postgres), and
        M(hotstandby.postgresql.replication_user) has granted it what a rewind needs.
    type: str
    required: true
  passfile:
    description: File with the user's password, see M(hotstandby.postgresql.passfile).
    type: path
  system_identifier:
    description: System identifier that the data directory and the primary have to have.
    type: str
  restore_command:
    description: Command that brings a WAL file back from the archive, for WAL that this node has recycled already.
    type: str
  timeout:
    description: Seconds that all of it may take, V(0) for no limit.
    type: int
    default: 3600
  progress:
    description:
      - File that tells from time to time how far C(pg_rewind) is. The action of this module reads it there and shows
        it.
      - It is there while that takes longer than some seconds, mode 0600, and is removed at the end.
      - When it is not given, nothing is shown.
    type: path
    version_added: 1.1.0
requirements:
  - psycopg2
seealso:
  - module: hotstandby.postgresql.base_backup
  - module: hotstandby.postgresql.recovery_config
"""

EXAMPLES = r"""
- name: Bring the old primary back onto the history of the new one
  hotstandby.postgresql.rewind:
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /var/lib/postgresql/15/main
    config_directory: /etc/postgresql/15/main
    version: "15"
    primary_host: 198.51.100.32
    user: replicator
    passfile: /var/lib/postgresql/.hotstandby.pgpass
  become: true
  become_user: postgres
  register: rewound

- name: Say what to do when that is not possible
  ansible.builtin.fail:
    msg: "{{ rewound.reason }}"
  when: rewound.path == 'impossible'
"""

RETURN = r"""
path:
  description:
    - V(rewound), V(not_needed) (C(pg_rewind) has nothing to do; whoever calls has to see that it then streams), or
      V(impossible).
  returned: success
  type: str
  sample: rewound
impossible:
  description:
    - Why there can be no rewind. V(hints_off), V(full_page_writes_off), V(wal_missing), V(no_common_ancestor),
      V(same_timeline) (it is ahead of the primary on the same timeline), V(unreadable_file), V(different_type) (a
      symbolic link here is no link on the primary, which it never is to C(pg_rewind)), V(foreign_content) (something
      would be removed that cannot be kept elsewhere), V(tablespace), V(unfinished_backup) or V(crash_recovery_failed).
  returned: success
  type: str
reason:
  description: What was or would be done, and why, in one sentence.
  returned: success
  type: str
fork_lsn:
  description: Where the histories part. What the node had of its own after that is gone.
  returned: success
  type: str
  sample: 0/4622120
fork_timeline:
  description: The last timeline that both have.
  returned: success
  type: int
bytes:
  description: Bytes that were copied, to the megabyte.
  returned: success
  type: int
kept:
  description: Entries of the data directory that are still this node's own.
  returned: success
  type: list
  elements: str
  sample: [pg_hba.conf, postgresql.auto.conf, postgresql.conf]
slots_dropped:
  description:
    - Replication slots of the node that are gone or would be, each with its kind. C(pg_rewind) can keep none, whoever
      made them; a logical one cannot be made again where it was.
  returned: success
  type: list
  elements: str
  sample: [cdc (logical), nightly_backup (physical)]
archived:
  description: WAL files that were archived before.
  returned: success
  type: list
  elements: str
crash_recovered:
  description: Whether the node had not been stopped cleanly and went through crash recovery before.
  returned: success
  type: bool
waited_seconds:
  description: Seconds that it took.
  returned: success
  type: float
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import (
    RUN_ARGUMENT,
    instance_arguments,
    kept,
    run_module,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.rewind import rewind


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **RUN_ARGUMENT,
            **instance_arguments("config_directory", required=("bin_directory", "data_directory")),
            "version": {"type": "str", "required": True},
            "primary_host": {"type": "str", "required": True},
            "primary_port": {"type": "int", "default": 5432},
            "user": {"type": "str", "required": True},
            "passfile": {"type": "path", "no_log": False},
            "system_identifier": {"type": "str"},
            "restore_command": {"type": "str"},
            "timeout": {"type": "int", "default": 3600},
            "progress": {"type": "path"},
        },
        supports_check_mode=True,
    )
    run_module(module, rewind, kept)


if __name__ == "__main__":
    main()
