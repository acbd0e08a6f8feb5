#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server
short_description: Start, stop, restart or reload a PostgreSQL server
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Brings a server into a state by systemd, by Debian's C(pg_ctlcluster) or by C(pg_ctl).
  - Waits until it is true.
  - What runs is read from the data directory and its process, not from the service manager.
  - When a start fails, the error carries the lines of the server's log that say why.
  - Runs as root for systemd, as root or the cluster's owner for C(pg_ctlcluster), as the owner for C(pg_ctl).
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
attributes:
  idempotent:
    description: V(state=restarted) and V(state=reloaded) act every time.
    support: partial
options:
  state:
    description:
      - V(started) and V(stopped) do nothing when it is so already.
      - V(restarted) starts a server that does not run.
      - V(stopped) and V(restarted) also end the processes that have outlived a postmaster that was killed; such a
        backend goes on with its statement and commits. V(started) refuses to start a server beside them.
      - V(reloaded) lets a running server read its configuration; one that does not run is left alone.
    type: str
    choices: [started, stopped, restarted, reloaded]
    default: started
  service:
    description: What starts and stops the server.
    type: str
    choices: [systemd, pg_ctlcluster, pg_ctl]
    default: systemd
  unit:
    description: Name of the systemd unit. Needed with O(service=systemd).
    type: str
  version:
    description: Major version of the cluster. Needed with O(service=pg_ctlcluster).
    type: str
  instance:
    description: Name of the cluster. Used with O(service=pg_ctlcluster).
    type: str
    default: main
  bin_directory:
    description:
      - Directory of the server's programs. Needed with O(service=pg_ctl).
      - With it the module knows before a start whether the port is free.
    type: path
  data_directory:
    description: The data directory.
    type: path
    required: true
  config_directory:
    description: Directory of C(postgresql.conf). The data directory when it is not given.
    type: path
  log_file:
    description:
      - File that the server's output is appended to. Needed with O(service=pg_ctl).
      - With the other services, the file to look into when a start fails (Debian's own is known).
    type: path
  enabled:
    description:
      - Whether the server starts when the host boots. Left alone when it is not given.
      - For Debian's unit C(postgresql@VERSION-NAME), C(start.conf) in O(config_directory) says C(auto) or C(manual).
      - For O(service=systemd) only.
    type: bool
  boot_guard:
    description:
      - Program of the boot guard with its arguments, for the Python that runs the module. It is asked before a start.
      - The guard may make a server that was primary a standby of the present one, or refuse the start.
      - Ignored for O(service=systemd), whose unit asks the guard itself.
    type: list
    elements: str
  stop_mode:
    description:
      - V(fast) ends the sessions and shuts down cleanly.
      - V(immediate) is a crash; the next start has to recover.
    type: str
    choices: [fast, immediate]
    default: fast
  timeout:
    description: Seconds to wait until the state is reached, for a restart once for each half.
    type: int
    default: 60
  port:
    description: Port on which the server listens.
    type: int
    default: 5432
  socket_directory:
    description: Directory of the server's Unix socket.
    type: path
    default: /var/run/postgresql
"""

EXAMPLES = r"""
- name: Start the server, at boot too
  hotstandby.postgresql.server:
    state: started
    enabled: true
    service: systemd
    unit: postgresql@15-main
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /var/lib/postgresql/15/main
    config_directory: /etc/postgresql/15/main
  become: true

- name: Restart a server of an ordinary user
  hotstandby.postgresql.server:
    state: restarted
    service: pg_ctl
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /home/me/demo/data
    log_file: /home/me/demo/server.log
    timeout: 120
"""

RETURN = r"""
reason:
  description: What was done or would be done, or why nothing was, and what the boot guard said.
  returned: success
  type: str
  sample: the server was started
waited_seconds:
  description: Time until the state was reached.
  returned: success
  type: float
  sample: 0.21
running:
  description: Whether the server runs now (in check mode, would run).
  returned: success
  type: bool
  sample: true
managed:
  description: Whether the service manager looks after the server that runs. V(null) when none runs.
  returned: success
  type: bool
  sample: true
stop_began:
  description: When the stop was ordered, in seconds since 1970 by the host's clock. V(null) when nothing was stopped.
  returned: success
  type: float
  version_added: 1.1.0
postmaster_start:
  description: When the running server was started, in UTC.
  returned: success
  type: str
  sample: "2026-11-22T14:00:00+00:00"
error_name:
  description: Short stable name of what went wrong, such as C(port_taken), C(processes_left) or C(start_failed).
  returned: failure
  type: str
  sample: port_taken
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import looking, run_module
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.server import ARGUMENTS, server


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_if=[
            ("service", "systemd", ("unit",)),
            ("service", "pg_ctlcluster", ("version",)),
            ("service", "pg_ctl", ("bin_directory", "log_file")),
        ],
        supports_check_mode=True,
    )
    run_module(module, server, looking, for_root=True)


if __name__ == "__main__":
    main()
