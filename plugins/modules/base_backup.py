#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: base_backup
short_description: Clone a PostgreSQL server into a data directory
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Copies a running server with C(pg_basebackup) into a side directory next to the data directory, verifies the
    copy, makes a standby of it and swaps it in by renames.
  - What was there before is moved aside and never deleted by O(state=present). With O(state=tidied) it is removed
    once the new standby streams, but for what holds files that are not PostgreSQL's, see RV(kept).
  - It works where the data directory is a mount point, where the WAL lies in a directory of its own, and with
    tablespaces.
  - A clone that was cut off, by whatever, is recognised by the next run, which finishes its swap or starts it over.
  - Run it as the operating system user that owns the cluster.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
attributes:
  idempotent:
    description: Changes nothing when run again in the same circumstances.
    support: partial
    details:
      - A data directory that holds a cluster is refused, not cloned again, unless O(replace=true) asks for that.
options:
  state:
    description:
      - With V(present), the data directory becomes a clone of the source.
      - With V(tidied), the directories that a clone moved aside, and what a cut-off one left, are removed. The
        server in the data directory has to stream as a standby by then; else nothing is removed.
    type: str
    choices: [present, tidied]
    default: present
  bin_directory:
    description: Directory of the server's programs. Needed for O(state=present).
    type: path
  data_directory:
    description: The data directory. Its parent is created when it does not exist.
    type: path
    required: true
  wal_directory:
    description:
      - Directory outside of the data directory for its WAL.
      - When it is not given, the clone keeps the WAL where a link of the present data directory leads, if it has one.
    type: path
  version:
    description: Major version of the programs, for example V(15). Needed for O(state=present).
    type: str
  primary_host:
    description:
      - Address or name of the primary that the clone will follow, and the source unless O(source_host) names another.
        Needed for O(state=present).
    type: str
  primary_port:
    description: Port of the primary.
    type: int
    default: 5432
  source_host:
    description:
      - Address or name of a standby of that primary, which is copied in its place. It has to stream from the primary.
        From PostgreSQL 9.6 on.
    type: str
    version_added: 1.1.0
  source_port:
    description: Port of that standby.
    type: int
    default: 5432
    version_added: 1.1.0
  user:
    description: The replication user. Access rules of the source let it into C(replication) and C(postgres).
    type: str
  passfile:
    description: File with the user's password, see M(hotstandby.postgresql.passfile).
    type: path
  slot:
    description:
      - Physical replication slot of this standby on the primary. It is created, with WAL kept at once, when it is
        missing, and dropped again when the clone for which it was created fails.
    type: str
  application_name:
    description: Name under which this node appears at the source.
    type: str
  system_identifier:
    description: System identifier that the source has to have.
    type: str
  expected_bytes:
    description: Bytes of the source's default tablespace and WAL, to check the free space beforehand.
    type: int
  tablespace_bytes:
    description: Bytes of the source's other tablespaces, by their location there.
    type: dict
    default: {}
  wal_bytes:
    description: How many of O(expected_bytes) are WAL. A copy does not take it over, so it is no part of O(progress).
    type: int
    default: 0
    version_added: 1.1.0
  tablespace_mapping:
    description: Where tablespaces go on this host, by their location at the primary. Others keep their location.
    type: dict
    default: {}
  max_rate:
    description: Upper bound of the transfer rate, as C(pg_basebackup --max-rate) takes it (V(32M) for example).
    type: str
  verify:
    description: Whether the copy is checked with C(pg_verifybackup), where the version has it.
    type: bool
    default: true
  replace:
    description:
      - Whether a cluster that the data directory holds may be moved aside.
      - The remains of a clone that was cut off need no such leave, and a running server is never replaced.
    type: bool
    default: false
  keep_old:
    description: Whether O(state=tidied) leaves the directories that were moved aside where they are.
    type: bool
    default: false
  timeout:
    description:
      - Seconds that the copy may take, V(0) for no limit.
      - With O(state=tidied) seconds to wait for the standby to stream, V(0) for a minute.
    type: int
    default: 0
  progress:
    description:
      - File that tells from time to time how far the copy is. The action of this module reads it there and shows it.
      - It is there while that takes longer than some seconds, mode 0600, and is removed at the end.
      - When it is not given, nothing is shown.
    type: path
    version_added: 1.1.0
  port:
    description: Port of the server in the data directory, for O(state=tidied), where its own files do not tell.
    type: int
    default: 5432
  socket_directory:
    description: Directory of that server's Unix socket, where its own files do not tell.
    type: path
    default: /var/run/postgresql
  login_user:
    description: Superuser to connect as. The operating system user that runs the module when it is not given.
    type: str
  login_database:
    description: Database to connect to.
    type: str
    default: postgres
requirements:
  - psycopg2
seealso:
  - module: hotstandby.postgresql.recovery_config
  - module: hotstandby.postgresql.passfile
"""

EXAMPLES = r"""
- name: Clone the primary
  hotstandby.postgresql.base_backup:
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /var/lib/postgresql/15/main
    version: "15"
    primary_host: 198.51.100.31
    user: replicator
    passfile: /var/lib/postgresql/.hotstandby.pgpass
    slot: hotstandby_db_2
    application_name: db-2
  become: true
  become_user: postgres

- name: Remove the old directory once the standby streams
  hotstandby.postgresql.base_backup:
    state: tidied
    data_directory: /var/lib/postgresql/15/main
  become: true
  become_user: postgres
"""

RETURN = r"""
path:
  description: Which way was taken, V(clone) or V(none).
  returned: success
  type: str
  sample: clone
reason:
  description: What was or would be done, and why, in one sentence.
  returned: success
  type: str
moved_aside:
  description: Directories that hold what was there before.
  returned: state is present
  type: list
  elements: str
  sample: [/var/lib/postgresql/15/main.hotstandby-old-20261122T143211]
verified:
  description: Whether C(pg_verifybackup) has passed the copy.
  returned: state is present
  type: bool
unverified_reason:
  description: Why it was not asked.
  returned: the copy was made and not verified
  type: str
bytes:
  description: Bytes of the copy.
  returned: state is present
  type: int
slot_created:
  description: Whether the slot was created.
  returned: state is present
  type: bool
slots_dropped:
  description: Replication slots of what was there before, each with its kind. The clone has none of them.
  returned: state is present
  type: list
  elements: str
  sample: [cdc (logical)]
removed:
  description: Directories that were or would be removed.
  returned: state is tidied
  type: list
  elements: str
kept:
  description:
    - Directories that were moved aside and stay, since something in them is not PostgreSQL's or cannot be removed. A
      warning says what.
  returned: state is tidied
  type: list
  elements: str
  sample: []
waited_seconds:
  description: Seconds that the clone took, or that it took until the standby streamed.
  returned: success
  type: float
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.base_backup import base_backup
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import (
    RUN_ARGUMENT,
    instance_arguments,
    kept,
    run_module,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **RUN_ARGUMENT,
            **instance_arguments(
                "bin_directory", "port", "socket_directory", "login_user", "login_database",
                required=("data_directory",),
            ),
            "state": {"type": "str", "choices": ["present", "tidied"], "default": "present"},
            "wal_directory": {"type": "path"},
            "version": {"type": "str"},
            "primary_host": {"type": "str"},
            "primary_port": {"type": "int", "default": 5432},
            "source_host": {"type": "str"},
            "source_port": {"type": "int", "default": 5432},
            "user": {"type": "str"},
            "passfile": {"type": "path", "no_log": False},
            "slot": {"type": "str"},
            "application_name": {"type": "str"},
            "system_identifier": {"type": "str"},
            "expected_bytes": {"type": "int"},
            "tablespace_bytes": {"type": "dict", "default": {}},
            "wal_bytes": {"type": "int", "default": 0},
            "tablespace_mapping": {"type": "dict", "default": {}},
            "max_rate": {"type": "str"},
            "verify": {"type": "bool", "default": True},
            "replace": {"type": "bool", "default": False},
            "keep_old": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 0},
            "progress": {"type": "path"},
        },
        required_if=[("state", "present", ("bin_directory", "version", "primary_host", "user"))],
        supports_check_mode=True,
    )
    run_module(module, base_backup, kept)


if __name__ == "__main__":
    main()
