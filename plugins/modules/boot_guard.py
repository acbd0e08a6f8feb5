#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: boot_guard
short_description: Keep the boot guard of a server on its host
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Writes the program that is asked before a server is started, what it has to know of the other nodes and, where
    systemd starts the server, the drop-in of its unit; or removes all of them.
  - It does not make systemd read its units again; RV(units_changed) says whether that has to be done.
  - Only the user who runs the module can write these files. The configuration, which has the restore command in it, is
    readable for nobody else either; the guard reads it before it lets go of root's rights.
  - With O(interpreter), nothing is written before the program was seen to run with it.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
options:
  state:
    description: Whether the guard is there.
    type: str
    choices: [present, absent]
    default: present
  directory:
    description: Directory of the program and of its configuration, nobody else's. It is made when it does not exist.
    type: path
    required: true
  program:
    description: Text of the program.
    type: str
    required: true
  configuration:
    description: What the program has to know, see P(hotstandby.postgresql.boot_guard_config#filter).
    type: dict
    required: true
  owner:
    description:
      - The user who owns the cluster and its configuration for the guard, mode 0600. The one who runs the module,
        without it.
    type: str
    version_added: 1.1.0
  drop_in:
    description: The drop-in file, for a server that systemd starts.
    type: path
  drop_in_text:
    description: Its text.
    type: str
  interpreter:
    description: The Python with which O(drop_in_text) runs the program.
    type: path
seealso:
  - module: hotstandby.postgresql.server
"""

EXAMPLES = r"""
- name: Keep a server from coming up writable beside another primary
  hotstandby.postgresql.boot_guard:
    directory: /usr/local/lib/hotstandby/15-main
    program: "{{ lookup('ansible.builtin.file', 'boot_guard.py', rstrip=false) }}"
    configuration: "{{ records | hotstandby.postgresql.boot_guard_config(inventory_hostname, instance) }}"
    drop_in: /etc/systemd/system/postgresql@15-main.service.d/hotstandby-boot-guard.conf
    drop_in_text: "{{ lookup('ansible.builtin.template', 'hotstandby-boot-guard.conf') }}"
    interpreter: /usr/bin/python3
  become: true
"""

RETURN = r"""
reason:
  description: What was or would be written or removed, in one sentence.
  returned: success
  type: str
units_changed:
  description: Whether the drop-in was or would be written or removed.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.boot_guard import ARGUMENTS, boot_guard
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import run_module


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_together=[("drop_in", "drop_in_text")],
        supports_check_mode=True,
    )
    run_module(module, boot_guard, for_root=True)


if __name__ == "__main__":
    main()
