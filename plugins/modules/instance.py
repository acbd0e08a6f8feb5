#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: instance
short_description: Make sure that an instance exists
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Makes a new cluster by C(initdb), or by Debian's C(pg_createcluster), which keeps the configuration elsewhere.
  - What exists is left alone. A cluster is never made in a directory that holds anything.
  - Only peer and password authentication is set up, never C(trust).
  - A run that was cut off is recognised by a directory next to O(data_directory) whose name ends in
    C(.hotstandby-instance), and finished by the next one.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
options:
  layout:
    description:
      - V(debian) keeps the configuration in C(/etc/postgresql/VERSION/NAME). Runs as root.
      - V(plain) keeps it in the data directory. Runs as the owner.
    type: str
    choices: [debian, plain]
    required: true
  contents:
    description:
      - V(initialised) is a new and empty cluster, which becomes a primary.
      - V(configuration_only) is what a standby needs whose data comes with its clone.
        Nothing is done for it with O(layout=plain), because the configuration comes with the clone too.
    type: str
    choices: [initialised, configuration_only]
    default: initialised
  version:
    description: Major version. Needed with O(layout=debian); else the version of the programs when it is not given.
    type: str
  instance:
    description: Name of the instance (Debian calls it a cluster).
    type: str
    default: main
  bin_directory:
    description: Directory of the server's programs. Needed with O(layout=plain).
    type: path
  data_directory:
    description: The data directory.
    type: path
    required: true
  config_directory:
    description: Directory of C(postgresql.conf). Given only to be checked, because the layout decides where it is.
    type: path
  wal_directory:
    description: Directory of the WAL when it is not a part of the data directory. It must be empty.
    type: path
  port:
    description: Port on which the server will listen. Used with O(layout=debian).
    type: int
    default: 5432
  socket_directory:
    description: Directory of the server's Unix socket. Used with O(layout=debian).
    type: path
    default: /var/run/postgresql
  owner:
    description: Operating system user who owns the cluster. With O(layout=plain) it is the one who runs this.
    type: str
  data_checksums:
    description: Whether pages carry checksums. C(pg_rewind) needs them, or C(wal_log_hints).
    type: bool
    default: true
  encoding:
    description: Encoding of the databases.
    type: str
    default: UTF8
  locale:
    description: Locale of the databases. C(C.UTF-8), or C(C) where the host has no other, when it is not given.
    type: str
  extra_initdb:
    description: More options of C(initdb).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Make a new cluster on Debian
  hotstandby.postgresql.instance:
    layout: debian
    version: "15"
    data_directory: /var/lib/postgresql/15/main
    owner: postgres
  become: true

- name: Prepare a host for a standby
  hotstandby.postgresql.instance:
    layout: debian
    contents: configuration_only
    version: "15"
    data_directory: /var/lib/postgresql/15/main
    owner: postgres
  become: true

- name: Make a new cluster of an ordinary user
  hotstandby.postgresql.instance:
    layout: plain
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /home/me/demo/data
"""

RETURN = r"""
reason:
  description: What was done or would be done, or why nothing was.
  returned: success
  type: str
  sample: an empty cluster was made in /var/lib/postgresql/15/main
made:
  description: What was, or would be, made.
  returned: success
  type: list
  elements: str
  sample: [data, configuration]
data_directory:
  description: The data directory.
  returned: success
  type: str
  sample: /var/lib/postgresql/15/main
error_name:
  description: Short stable name of what went wrong, such as C(not_empty) or C(other_data_directory).
  returned: failure
  type: str
  sample: not_empty
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import (
    RUN_ARGUMENT,
    instance_arguments,
    run_module,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.instance import instance


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **RUN_ARGUMENT,
            **instance_arguments(
                "bin_directory", "config_directory", "port", "socket_directory",
                required=("data_directory",),
            ),
            "layout": {"type": "str", "choices": ["debian", "plain"], "required": True},
            "contents": {
                "type": "str",
                "choices": ["initialised", "configuration_only"],
                "default": "initialised",
            },
            "version": {"type": "str"},
            "instance": {"type": "str", "default": "main"},
            "wal_directory": {"type": "path"},
            "owner": {"type": "str"},
            "data_checksums": {"type": "bool", "default": True},
            "encoding": {"type": "str", "default": "UTF8"},
            "locale": {"type": "str"},
            "extra_initdb": {"type": "list", "elements": "str", "default": []},
        },
        required_if=[("layout", "debian", ("version",)), ("layout", "plain", ("bin_directory",))],
        supports_check_mode=True,
    )
    run_module(module, instance, for_root=True)


if __name__ == "__main__":
    main()
