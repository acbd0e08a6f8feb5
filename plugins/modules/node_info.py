#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_info
short_description: Observe a PostgreSQL instance, running or stopped
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Reads everything that the collection's decisions are made of, and changes nothing.
  - A stopped server is read from its control file and the end of its WAL, a running one by SQL over its socket.
  - A host on which PostgreSQL is not installed yet is a valid answer too.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.instance
options:
  bin_directory:
    description: Directory of the server's programs, whether they are installed yet or not.
    type: path
    required: true
  data_directory:
    description: The data directory, whether it exists or not.
    type: path
    required: true
  version:
    description: Major version that the inventory wants here. Returned as it is, beside what was found.
    type: str
  peers:
    description:
      - The other nodes, each as C(ADDRESS PORT), to learn which addresses this host cannot resolve, and at which of
        them a PostgreSQL server answers it.
    type: list
    elements: str
    default: []
  ask_as:
    description: As whom the peers that answer are asked what they are. They are not asked without it.
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
  measure:
    description:
      - Whether the size of a running server is asked, for a clone of it. That takes long where there are millions of
        files; where it takes longer than 20 s C(size_bytes) stays V(null).
    type: bool
    default: false
    version_added: 1.1.0
  files:
    description:
      - Whether the data directory is looked through for what a rewind or a clone stumbles over, see C(files). Links are
        followed there, so it may take long; C(files) stays V(null) otherwise.
    type: bool
    default: false
    version_added: 1.1.0
  settings:
    description:
      - What the inventory declares, as in M(hotstandby.postgresql.server_config). C(overridden) tells then what sets
        one of them otherwise, and counts more than C(postgresql.conf).
    type: dict
    default: {}
    version_added: 1.1.0
  declared:
    description:
      - What the inventory declares of the node, to learn in RV(due) what of it is not so. By part, the parameters of
        the module that brings it there, without those that say where the instance is.
      - The parts are C(passfile) (M(hotstandby.postgresql.passfile)), C(settings)
        (M(hotstandby.postgresql.server_config)), C(service) (M(hotstandby.postgresql.server)), C(guard)
        (M(hotstandby.postgresql.boot_guard)), C(access) (M(hotstandby.postgresql.hba_rules)), C(user)
        (M(hotstandby.postgresql.replication_user)) and C(slots) (M(hotstandby.postgresql.replication_slots)).
    type: dict
    version_added: 1.1.0
  encoded_password:
    description:
      - The replication user's password, in base64, for the parts C(passfile) and C(user) of O(declared).
      - Ansible hides a secret wherever it occurs in the result. Encoded, a password such as V(standby) hides nothing of
        what was observed.
    type: str
    version_added: 1.1.0
  connection:
    description:
      - How a standby is declared to follow its primary, as in M(hotstandby.postgresql.recovery_config), without the
        address and the port of that one. RV(follows) tells which of O(peers) it follows so.
    type: dict
    version_added: 1.1.0
  run:
    description:
      - The run of a playbook that looks, see P(hotstandby.postgresql.this_run#filter). What it returns are the other
        options of this one.
      - Nothing is claimed or released in check mode.
    type: dict
    suboptions:
      id:
        description: The run's id. Without it RV(claim) tells who holds the node.
        type: str
      file:
        description: The file on the node that names the run which may act there.
        type: path
        required: true
      action:
        description:
          - V(take) claims the node before it is looked at, unless another run holds it that is alive.
          - V(look) tells whether the node still bears the run's claim.
          - V(release) looks at nothing, and says that the run has ended.
          - V(look_and_release) does both.
        type: str
        choices: [take, look, release, look_and_release]
        default: look
      who:
        description: The user on the controller.
        type: str
      host:
        description: The controller's name.
        type: str
      playbook:
        description: The playbook's name.
        type: str
      since:
        description: When the run began.
        type: str
      controller:
        description: Names the space in which O(run.process) is unique.
        type: str
      process:
        description: Ansible's process on the controller.
        type: str
      neighbours:
        description: The Ansible processes that live on the controller.
        type: list
        elements: str
      take_over:
        description: Whether a run that may be alive is overtaken.
        type: bool
        default: false
requirements:
  - psycopg2 (to ask a running server)
seealso:
  - module: hotstandby.postgresql.server
"""

EXAMPLES = r"""
- name: Observe the instance
  hotstandby.postgresql.node_info:
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /var/lib/postgresql/15/main
    config_directory: /etc/postgresql/15/main
  register: observed
  become: true
  become_user: postgres

- name: Show how far its WAL reaches
  ansible.builtin.debug:
    msg: "{{ observed.node.server.position if observed.node.server else observed.node.wal_end }}"
"""

RETURN = r"""
node:
  description:
    - What was observed. C(directory) is V(absent), V(cluster), V(wreck) or V(other).
    - C(control) is the control file, C(server) the running server, each V(null) where there is none.
    - Positions are LSNs as PostgreSQL writes them, sizes are bytes.
  returned: success
  type: dict
  sample:
    directory: cluster
    version: "15.18"
    wal_end: null
claim:
  description:
    - Whether the run may act on the node (C(granted)), which other run holds it (C(holder)), the seconds since that
      one's last act there (C(age_seconds)), and what kept the node from being claimed (C(problem)).
    - V(null) without O(run).
  returned: success
  type: dict
due:
  description:
    - Those parts of O(declared) that a run would change, or of which that cannot be told, as C(user) and C(slots) where
      no primary runs; each with its C(part) and the C(reason). V(null) without O(declared).
  returned: success
  type: list
  elements: dict
follows:
  description: Which of O(peers) a standby follows exactly as O(connection) says. V(null) for none of them.
  returned: success
  type: str
wanted_version:
  description: The parameter O(version).
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import (
    instance_arguments,
    looking,
    run_module,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.look import ASK_AS_ARGUMENT
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.node_info import node_info

RUN_TEXTS = ("id", "who", "host", "playbook", "since", "controller", "process")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **instance_arguments(required=("bin_directory", "data_directory")),
            "version": {"type": "str"},
            "peers": {"type": "list", "elements": "str", "default": []},
            **ASK_AS_ARGUMENT,
            "measure": {"type": "bool", "default": False},
            "files": {"type": "bool", "default": False},
            "settings": {"type": "dict", "default": {}},
            "declared": {"type": "dict"},
            "encoded_password": {"type": "str", "no_log": True},
            "connection": {"type": "dict"},
            "run": {
                "type": "dict",
                "options": {
                    **{name: {"type": "str"} for name in RUN_TEXTS},
                    "file": {"type": "path", "required": True},
                    "action": {
                        "type": "str",
                        "choices": ["take", "look", "release", "look_and_release"],
                        "default": "look",
                    },
                    "neighbours": {"type": "list", "elements": "str"},
                    "take_over": {"type": "bool", "default": False},
                },
            },
        },
        supports_check_mode=True,
    )
    run_module(module, node_info, looking)


if __name__ == "__main__":
    main()
