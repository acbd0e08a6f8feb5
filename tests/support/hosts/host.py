# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One test host: a container with systemd, an address of its own, and what may befall it."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.types import EndpointConfig

from support.hosts import access, recipe
from support.hosts.engine import HostsError
from support.hosts.execute import Completed, execute

LABEL = "hotstandby.fleet"
NAME_LABEL = "hotstandby.host"
ADDRESS_LABEL = "hotstandby.address"
SAVED_LABEL = "hotstandby.saved"
NETWORK = "hotstandby-hosts"
BOOT_TIMEOUT_SECONDS = 90.0
API_VERSION = "1.41"  # of the engine in Debian 12; later ones still speak it

# systemd wants a cgroup tree of its own that it may write to. An engine on cgroup v1 mounts none of version 2
# and one on v2 mounts it read-only: either way the container mounts its own before systemd takes over.
# A directory that came with the image cannot be renamed on overlayfs, as no user's data directory would be: what
# holds servers' data is written anew first.
_BOOT = (
    "for d in /var/lib/postgresql/*/*; do"
    ' [ -d "$d" ] && cp -a "$d" "$d.anew" && rm -rf "$d" && mv "$d.anew" "$d"; done; '
    "umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /lib/systemd/systemd"
)


@dataclass(frozen=True)
class Host:
    """A host by its inventory name; `mounts` are directories on a tmpfs of their own, with its options.

    Every method that talks to the engine raises HostsError when the container is not there.
    """

    client: docker.DockerClient
    fleet: str
    name: str
    address: str
    image: str
    known_hosts: Path
    mounts: Mapping[str, str] = field(default_factory=dict)

    @property
    def container_name(self) -> str:
        """The container's name in the engine."""
        return f"hotstandby-{self.fleet}-{self.name}"

    @property
    def container(self) -> Container:
        """The engine's own object, for what has no method here."""
        try:
            return self.client.containers.get(self.container_name)
        except NotFound:
            message = f"{self.name}: there is no container {self.container_name}: create the hosts first"
            raise HostsError(message) from None

    @property
    def running(self) -> bool:
        """Whether the container runs now."""
        return self.container.status == "running"

    def create(self, image: str) -> None:
        """Create the container from an image (not started), with the login user's key in it."""
        container = self.client.containers.create(
            image,
            ["sh", "-c", _BOOT],
            name=self.container_name,
            hostname=self.name,
            labels={LABEL: self.fleet, NAME_LABEL: self.name, ADDRESS_LABEL: self.address},
            network=NETWORK,
            networking_config={
                NETWORK: EndpointConfig(API_VERSION, ipv4_address=self.address, aliases=[self.name])
            },
            cap_add=["SYS_ADMIN", "NET_ADMIN"],
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            cgroupns="private",
            tmpfs={"/run": "", "/run/lock": "", "/tmp": "", **self.mounts},
            stop_signal="SIGRTMIN+3",
        )
        home = f"home/{recipe.LOGIN_USER}"
        container.put_archive("/", _archive({f"{home}/.ssh/authorized_keys": access.public_key().encode()}))

    def host_key(self) -> str:
        """The public host key, read from the container's files: no network is trusted with it."""
        return self.read("/etc/ssh/ssh_host_ed25519_key.pub").decode()

    def remove(self) -> None:
        """Remove the container and what it wrote, running or not."""
        try:
            self.container.remove(force=True, v=True)
        except HostsError:
            return

    def start(self) -> None:
        """Switch the host on and wait until it is up."""
        self.container.start()
        self.wait_until_up()

    def stop(self) -> None:
        """Shut the host down in an orderly way (systemd stops the services)."""
        self.container.stop(timeout=60)

    def save(self, image: str) -> None:
        """Keep the host's files as an image; switch it off before."""
        repository, tag = image.split(":")
        self.container.commit(repository, tag, changes=[f"LABEL {SAVED_LABEL}={self.fleet}"])

    def kill(self) -> None:
        """Crash: every process of the host is gone at once."""
        self.container.kill()

    def disconnect(self) -> None:
        """Pull the network cable."""
        self.client.networks.get(NETWORK).disconnect(self.container)

    def connect(self) -> None:
        """Plug the network cable in again, with the same address."""
        network = self.client.networks.get(NETWORK)
        network.connect(self.container, ipv4_address=self.address, aliases=[self.name])

    def run(self, *command: str, user: str = "root", check: bool = True) -> Completed:
        """Run a command on the host, not through ssh.

        :raises HostsError: it ended with another status than 0 and `check` is true.
        """
        done = execute(self.client.api, self.container, command, user)
        if check and done.returncode:
            said = " ".join((done.stderr or done.stdout).split())
            raise HostsError(f"{self.name}: {' '.join(command)} ended with {done.returncode}: {said}")
        return done

    def sql(self, query: str, database: str = "postgres", port: int = 5432) -> list[list[str]]:
        """Rows of a query, asked over the local socket as the owner of the server; all values as text."""
        options = ["-XAtq", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-p", str(port), "-d", database]
        done = self.run("psql", *options, "-c", query, user="postgres")
        return [line.split("\x1f") for line in done.stdout.splitlines() if line]

    def read(self, path: str) -> bytes:
        """The content of a file on the host, also of one that is switched off (not on a tmpfs then)."""
        with self._archive_of(path) as tar:
            for member in tar:
                handle = tar.extractfile(member)
                if handle is not None:
                    return handle.read()
        raise HostsError(f"{self.name}: {path} is not a file")

    def files(self, path: str) -> dict[str, bytes]:
        """The content of every regular file below a directory, by path from the directory's parent."""
        found = {}
        with self._archive_of(path) as tar:
            for member in tar:
                handle = tar.extractfile(member) if member.isfile() else None
                if handle is not None:
                    found[member.name] = handle.read()
        return found

    def _archive_of(self, path: str) -> tarfile.TarFile:
        try:
            stream = self.container.get_archive(path)[0]
        except NotFound:
            raise HostsError(f"{self.name}: there is no {path}") from None
        return tarfile.open(fileobj=io.BytesIO(b"".join(stream)))

    def fault(self) -> str:
        """Why the host is not up yet, or "": systemd has started everything and ssh lets the user in."""
        container = self.container
        if container.status != "running":
            said = container.logs(tail=3).decode(errors="replace")
            return f"it is {container.status}: {' '.join(said.split())}"
        try:
            state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
            if state == "degraded":
                failed = self.run("systemctl", "--failed", "--plain", "--no-legend", check=False).stdout
                return f"units have failed: {' '.join(failed.split())}"
        except APIError as error:
            return f"no command runs in it: {error.explanation}"
        if state != "running":
            return f"systemd says {state or 'nothing'}"
        login = subprocess.run(
            access.ssh_command(self.address, self.known_hosts, "sudo", "-n", "true"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return f"ssh says {' '.join(login.stderr.split())}" if login.returncode else ""

    def wait_until_up(self, timeout_seconds: float = BOOT_TIMEOUT_SECONDS) -> None:
        """Wait until `fault` has nothing to say.

        :raises HostsError: it still had after `timeout_seconds`, or the container has ended.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            fault = self.fault()
            if not fault:
                return
            if fault.startswith(("it is exited", "it is dead", "units have failed")):
                raise HostsError(f"{self.name} does not boot: {fault}")
            if time.monotonic() > deadline:
                raise HostsError(f"{self.name} is not up after {timeout_seconds:.0f} s: {fault}")
            time.sleep(0.1)  # between two looks


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A tar of files that belong to the login user, with their directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            directory = tarfile.TarInfo(str(Path(path).parent))
            directory.type, directory.mode = tarfile.DIRTYPE, 0o700
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o600
            for info in (directory, entry):
                info.uid = info.gid = recipe.LOGIN_USER_ID
            tar.addfile(directory)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
