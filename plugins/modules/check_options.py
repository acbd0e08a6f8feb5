#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_options
short_description: Refuse an inventory without hosts, and variables that look like options and are none
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Compares the names of the variables that were typed, and of those that the hosts have, with the variables of the
    roles and the options of the playbooks. A mistyped option is refused, and the nearest one named.
  - Without any host there is nothing to do, which is refused too.
  - It runs on the controller, contacts no host and reads no value.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
options:
  hosts:
    description: Hosts, the variables of which are looked at.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Refuse an inventory without the cluster's groups, and options that nobody knows
  hotstandby.postgresql.check_options:
    hosts: "{{ query('ansible.builtin.inventory_hostnames', 'master:hot_standby') }}"
"""

RETURN = r"""#"""
