#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: promote
short_description: Make a standby the primary, and prove it
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Promotes a running standby after everything that it received is replayed. Proves the new timeline by its history
    file, and writes a checkpoint, without which C(pg_rewind) may go wrong.
  - With O(when=now) a standby that streams from a primary is refused.
  - With O(when=primary_has_stopped) a streaming standby waits until its primary is stopped in the clean way, and
    promotes itself the moment it has the shutdown checkpoint and its primary answers no more. If that does not come
    in time, nothing is promoted and the module succeeds with RV(promoted=false).
  - A server that is a primary already is left as it is.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
  - hotstandby.postgresql.instance
options:
  version:
    description: Major version of the server, for example V(15). Another one is refused.
    type: str
  when:
    description: When to promote.
    type: str
    choices: [now, primary_has_stopped]
    default: now
  replay_to:
    description: LSN that has to be replayed before.
    type: str
  expected_timeline:
    description:
      - The timeline before the promotion. A server that is a primary on this very timeline is refused, since it has
        left recovery without a promotion.
    type: int
  ask:
    description:
      - Where another primary may be. Directly before the promotion these endpoints are asked, and the standby is not
        promoted when a server answers there that is a primary, that is on a newer timeline, or that does not tell.
    type: dict
    suboptions:
      endpoints:
        description: Each as C(ADDRESS PORT).
        type: list
        elements: str
        required: true
      standbys:
        description:
          - More of them, which have just been seen as standbys. One that does not answer, or does not tell, is still
            taken for that.
        type: list
        elements: str
        default: []
        version_added: 1.1.0
      user:
        description: The replication user, as whom they are asked.
        type: str
        required: true
      passfile:
        description: The file with its password.
        type: path
        required: true
  arm_timeout:
    description: Seconds to wait for the stop of the primary. After that it is never promoted.
    type: int
    default: 60
  end_sessions:
    description:
      - Whether sessions on the standby that hold its replay back for 2 seconds are ended, the oldest snapshot first.
        For O(when=now) only.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for the replay, for the promotion and for the checkpoint, each.
    type: int
    default: 60
attributes:
  diff_mode:
    description: Nothing that a diff could show is changed.
    support: none
requirements:
  - psycopg2
seealso:
  - module: hotstandby.postgresql.prepare_shutdown
  - module: hotstandby.postgresql.wal_receiver
"""

EXAMPLES = r"""
- name: Promote the standby
  hotstandby.postgresql.promote:
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /var/lib/postgresql/15/main
  become: true
  become_user: postgres

- name: Wait for the primary's clean stop and take over at once
  hotstandby.postgresql.promote:
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /var/lib/postgresql/15/main
    when: primary_has_stopped
    arm_timeout: 30
  become: true
  become_user: postgres
"""

RETURN = r"""
promoted:
  description: Whether this run promoted it.
  returned: success
  type: bool
primary:
  description: Whether it is a primary now.
  returned: success
  type: bool
timeline_before:
  description: The timeline that was left. Of a primary on the first timeline none.
  returned: success
  type: int
  sample: 1
timeline:
  description: The timeline now.
  returned: success
  type: int
  sample: 2
switch_point:
  description: LSN at which the timeline before was left. None when nothing was promoted.
  returned: success
  type: str
  sample: 0/5000110
checkpoint_failed:
  description:
    - Why the checkpoint after the promotion failed, V(null) where it did not. The server is a primary all the same, and
      others can follow it; no other node can be rewound to it before somebody runs C(CHECKPOINT) there.
  returned: success
  type: str
ended_sessions:
  description: Each session that was ended, with its pid, user, application, state and since when its transaction runs.
  returned: success
  type: list
  elements: str
  sample: []
promoted_at:
  description:
    - When the promotion was proved, in seconds since 1970 by the host's clock. V(null) when nothing was promoted now.
  returned: success
  type: float
  version_added: 1.1.0
promotion_seconds:
  description: Seconds from the call for the promotion to its proof.
  returned: success
  type: float
waited_seconds:
  description: Seconds that all of it took.
  returned: success
  type: float
reason:
  description: What was done, or why it was not, in one sentence.
  returned: success
  type: str
promotion_requested:
  description: Whether the server was told to become a primary, or is one, although the module failed.
  returned: failure, when it is so
  type: bool
error_name:
  description:
    - Short stable name of what went wrong, for example V(not_running), V(still_streaming), V(not_streaming),
      V(replay_paused), V(not_replayed), V(candidate_not_replaying), V(not_promoted).
  returned: failure
  type: str
  sample: still_streaming
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import (
    RUN_ARGUMENT,
    instance_arguments,
    kept,
    run_module,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.promote import promote


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **RUN_ARGUMENT,
            **instance_arguments(),
            "version": {"type": "str"},
            "when": {"type": "str", "choices": ["now", "primary_has_stopped"], "default": "now"},
            "replay_to": {"type": "str"},
            "ask": {
                "type": "dict",
                "options": {
                    "endpoints": {"type": "list", "elements": "str", "required": True},
                    "standbys": {"type": "list", "elements": "str", "default": []},
                    "user": {"type": "str", "required": True},
                    "passfile": {"type": "path", "required": True},
                },
            },
            "expected_timeline": {"type": "int"},
            "arm_timeout": {"type": "int", "default": 60},
            "end_sessions": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    run_module(module, promote, kept)


if __name__ == "__main__":
    main()
