#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wal_salvage
short_description: Bring the WAL that a dead primary never sent to the candidate
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - With O(state=listed), on the host of a primary whose server does not run, names the files of its WAL from a position
    on, finds its end, and tells what is missing. Changes nothing. An archive is not looked at.
  - With O(state=installed), on a standby that streams from nobody, takes files over that were copied to that host, and
    waits until they are replayed. The copying is left to the caller.
  - All files are looked through before any is put into place, and what the standby has itself has to be the same in
    them. A file that is replaced stays aside.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
  - hotstandby.postgresql.instance
options:
  state:
    description: What is done.
    type: str
    choices: [listed, installed]
    required: true
  version:
    description: Major version of the cluster, for example V(15). Another one is refused.
    type: str
  timeline:
    description: The timeline that the candidate is on. WAL of another one is refused.
    type: int
    required: true
  system_identifier:
    description: The system identifier of the cluster. Another one is refused.
    type: str
  from_lsn:
    description: LSN up to which the candidate has WAL. Needed for O(state=listed).
    type: str
  source_directory:
    description: Where the copied files are, and nothing else. Needed for O(state=installed).
    type: path
  end:
    description: LSN that has to be replayed in the end. Needed for O(state=installed).
    type: str
  timeout:
    description:
      - Seconds to wait for the replay. With O(state=listed), to wait until the last processes of a server that was
        killed have ended.
    type: int
    default: 60
requirements:
  - psycopg2 (for O(state=installed))
seealso:
  - module: hotstandby.postgresql.wal_receiver
  - module: hotstandby.postgresql.promote
"""

EXAMPLES = r"""
- name: Look on the dead primary for what the candidate has not
  hotstandby.postgresql.wal_salvage:
    state: listed
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /var/lib/postgresql/15/main
    timeline: 1
    from_lsn: 0/5000110
  become: true
  become_user: postgres
  register: salvage

- name: Take over on the candidate what was copied there
  hotstandby.postgresql.wal_salvage:
    state: installed
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /var/lib/postgresql/15/main
    source_directory: /var/lib/postgresql/salvaged
    timeline: 1
    end: 0/8000060
  become: true
  become_user: postgres
"""

RETURN = r"""
needed:
  description: Whether the WAL goes on after O(from_lsn).
  returned: O(state=listed)
  type: bool
salvageable:
  description: Whether all files that are needed are there.
  returned: O(state=listed)
  type: bool
end:
  description: LSN of the end of the last whole record.
  returned: O(state=listed)
  type: str
  sample: 0/8000060
bytes:
  description: Bytes of WAL from O(from_lsn) to the end.
  returned: O(state=listed)
  type: int
  sample: 50331472
segments:
  description: The files that are needed and there.
  returned: O(state=listed)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the file.
      type: str
      sample: "000000010000000000000005"
    path:
      description: Where it is.
      type: str
    bytes:
      description: Its size.
      type: int
missing:
  description: Names of the files that are needed and not there, or not what their names say.
  returned: O(state=listed)
  type: list
  elements: str
installed:
  description: Names of the files that were, or would be, put into place.
  returned: O(state=installed)
  type: list
  elements: str
replaced:
  description: Names of the files that were replaced, as they are called in RV(replaced_directory).
  returned: O(state=installed)
  type: list
  elements: str
replaced_directory:
  description: Where the replaced files are. None when there are none. They are needed by nobody, and may be removed.
  returned: O(state=installed)
  type: str
before:
  description: LSN up to which the standby had WAL.
  returned: O(state=installed)
  type: str
  sample: 0/5000110
replayed:
  description: LSN up to which WAL is replayed now.
  returned: O(state=installed)
  type: str
  sample: 0/8000060
salvaged_bytes:
  description: Bytes of WAL from RV(before) to O(end).
  returned: O(state=installed)
  type: int
  sample: 50331472
waited_seconds:
  description: Seconds that all of it took, or that were waited for processes to end.
  returned: success
  type: float
reason:
  description: What was found or done, in one sentence.
  returned: success
  type: str
error_name:
  description:
    - Short stable name of what went wrong. With O(state=listed) for example V(server_running), V(not_a_cluster),
      V(other_timeline), V(other_system), V(wal_end_unknown). With O(state=installed) for example V(not_running),
      V(not_a_standby), V(other_timeline), V(other_system), V(still_streaming), V(replay_paused), V(bad_segment),
      V(wal_differs), V(disk_too_small), V(not_replayed).
  returned: failure
  type: str
  sample: wal_differs
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import (
    RUN_ARGUMENT,
    instance_arguments,
    kept,
    run_module,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.wal_salvage import wal_salvage


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **RUN_ARGUMENT,
            **instance_arguments(),
            "state": {"type": "str", "choices": ["listed", "installed"], "required": True},
            "version": {"type": "str"},
            "timeline": {"type": "int", "required": True},
            "system_identifier": {"type": "str"},
            "from_lsn": {"type": "str"},
            "source_directory": {"type": "path"},
            "end": {"type": "str"},
            "timeout": {"type": "int", "default": 60},
        },
        required_if=[
            ("state", "listed", ["bin_directory", "data_directory", "from_lsn"]),
            ("state", "installed", ["source_directory", "end"]),
        ],
        supports_check_mode=True,
    )
    run_module(module, wal_salvage, kept)


if __name__ == "__main__":
    main()
