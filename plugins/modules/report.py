#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Print a text as it is
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Prints a text on the controller's standard output without indenting or quoting it.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
options:
  text:
    description: The text.
    type: str
    required: true
  failure:
    description: Why the task fails once the text is shown. It does not fail when this is empty.
    type: str
    default: ""
    version_added: 1.1.0
"""

EXAMPLES = r"""
- name: Show the cluster
  hotstandby.postgresql.report:
    text: "{{ postgres_status.tree }}"
"""

RETURN = r"""#"""
