# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of one test run: created together, reached through one inventory, removed together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

import docker
from docker.errors import APIError, DockerException
from docker.types import IPAMConfig, IPAMPool

from support.hosts import access, recipe
from support.hosts.engine import HostsError, cache_directory, ensure_docker, lock
from support.hosts.host import ADDRESS_LABEL, LABEL, NAME_LABEL, NETWORK, SAVED_LABEL, Host
from support.hosts.image import ensure_image

SUBNET = "198.51.100.0/24"  # set aside for documentation: nobody's real network


class Fleet:
    """Named hosts with fixed addresses; `addresses` maps inventory name to address.

    `mounts` maps a host's name to directories that are to be on a tmpfs of their own, with its options,
    for instance {"db-2": {"/srv": "size=64m"}}.

    :raises HostsError: from every method, when the engine or the containers do not do as they should.
    """

    def __init__(
        self,
        name: str,
        addresses: Mapping[str, str],
        suite: str = "bookworm",
        mounts: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.client = ensure_docker()
        self.directory = fleet_directory(name)
        self.known_hosts = self.directory / "known_hosts"
        self.control_paths = self.directory / "cp"
        with lock("image"):
            image = ensure_image(self.client, suite)
        self.hosts = {
            host: Host(self.client, name, host, address, image, self.known_hosts, mounts.get(host, {}))
            for host, address in addresses.items()
        }
        self._saved: set[str] = set()

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def create(self) -> None:
        """Boot every host as a virgin; what an earlier run of this fleet left goes first."""
        self.destroy()
        self._boot(list(self.hosts.values()), lambda host: host.image)

    def recreate(self, *names: str) -> None:
        """Make the hosts (all of them, or the named ones) virgin again: new containers, a few seconds."""
        self._replace(self._chosen(names), lambda host: host.image)

    def save(self, label: str, *names: str) -> None:
        """Keep the hosts (all, or the named ones) for `restore`: shut down, copied to images and booted again."""
        hosts = self._chosen(names)
        _in_parallel(Host.stop, hosts)
        _in_parallel(lambda host: host.save(_saved_image(label, host)), hosts)
        self._saved.add(label)
        self._forget_connections()
        _in_parallel(Host.start, hosts)

    def restore(self, label: str, *names: str) -> bool:
        """Put the hosts (all, or the named ones) back as they were saved under `label`; False when nothing was."""
        if label not in self._saved:
            return False
        self._replace(self._chosen(names), lambda host: _saved_image(label, host))
        return True

    def destroy(self) -> None:
        """Remove every host of this fleet, by its label, and the network when no other fleet uses it."""
        self._saved.clear()
        remove(self.client, self.name)
        self._forget_connections()

    def access_variables(self) -> dict[str, str]:
        """What the inventory must say so that Ansible, run by this user, gets into the hosts."""
        self.control_paths.mkdir(mode=0o700, exist_ok=True)
        return {
            "ansible_user": recipe.LOGIN_USER,
            "ansible_ssh_private_key_file": str(access.private_key()),
            "ansible_ssh_common_args": " ".join(access.ssh_options(self.known_hosts)),
            "ansible_control_path_dir": str(self.control_paths),
        }

    def access_inventory(self) -> str:
        """An inventory (JSON, hence YAML) that adds addresses and access to hosts that another one groups."""
        hosts = {name: {"ansible_host": host.address} for name, host in self.hosts.items()}
        return json.dumps({"all": {"hosts": hosts, "vars": self.access_variables()}}, indent=2) + "\n"

    def _chosen(self, names: Sequence[str]) -> list[Host]:
        return [self.hosts[name] for name in names] or list(self.hosts.values())

    def _replace(self, hosts: Sequence[Host], image: Callable[[Host], str]) -> None:
        self._forget_connections()
        _in_parallel(Host.remove, hosts)
        self._boot(hosts, image)

    def _boot(self, hosts: Sequence[Host], image: Callable[[Host], str]) -> None:
        try:
            # another fleet that goes away takes the network along when it sees no container
            with lock("network"):
                ensure_network(self.client)
                _in_parallel(lambda host: host.create(image(host)), hosts)
            keys = {host.address: host.host_key() for host in self.hosts.values()}
            access.write_known_hosts(self.known_hosts, keys)
            _in_parallel(Host.start, hosts)
        except DockerException as error:
            said = " ".join(str(error).split())
            raise HostsError(f"the engine cannot run the hosts of {self.name}: {said}") from error

    def _forget_connections(self) -> None:
        # A multiplexed ssh connection outlives the host that it led to, and would be used for the next one.
        for socket in self.control_paths.glob("*"):
            access.close_connection(socket)
        shutil.rmtree(self.control_paths, ignore_errors=True)


def fleet_directory(name: str) -> Path:
    """Where the known host keys and connections of a fleet are kept."""
    path = cache_directory() / name
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def existing_hosts(client: docker.DockerClient, fleet: str) -> list[Host]:
    """The hosts that a fleet has now, read from the labels of their containers, by name."""
    hosts = []
    for container in client.containers.list(all=True, filters={"label": f"{LABEL}={fleet}"}):
        name, address = container.labels[NAME_LABEL], container.labels[ADDRESS_LABEL]
        image = str(container.attrs["Config"]["Image"])
        hosts.append(Host(client, fleet, name, address, image, fleet_directory(fleet) / "known_hosts"))
    return sorted(hosts, key=lambda host: host.name)


def ensure_network(client: docker.DockerClient) -> None:
    """See that the network of the hosts is there."""
    if client.networks.list(names=[f"^{NETWORK}$"]):
        return
    try:
        pool = IPAMConfig(pool_configs=[IPAMPool(subnet=SUBNET, gateway=SUBNET.replace(".0/24", ".1"))])
        client.networks.create(NETWORK, driver="bridge", ipam=pool, labels={LABEL: "network"})
    except APIError as error:
        raise HostsError(f"no network {SUBNET} for the test hosts: {error.explanation}") from error


def remove(client: docker.DockerClient, fleet: str | None = None) -> int:
    """Remove the containers of a fleet (None: of all), then the unused network; how many there were."""
    label = LABEL if fleet is None else f"{LABEL}={fleet}"
    containers = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
    for container in containers:
        container.remove(force=True, v=True)
    for image in client.images.list(filters={"label": f"{SAVED_LABEL}={fleet}" if fleet else SAVED_LABEL}):
        client.images.remove(str(image.id), force=True)
    with lock("network"):
        if not client.containers.list(all=True, filters={"label": LABEL}, sparse=True):
            for network in client.networks.list(names=[f"^{NETWORK}$"]):
                network.remove()
    return len(containers)


def _saved_image(label: str, host: Host) -> str:
    return f"hotstandby-saved:{host.fleet}-{host.name}-{label}"


def _in_parallel(action: Callable[[Host], None], hosts: Sequence[Host]) -> None:
    with ThreadPoolExecutor(max_workers=max(len(hosts), 1)) as pool:
        list(pool.map(action, hosts))


def write_access_inventory(fleet: Fleet, path: Path) -> None:
    """Write the fleet's access inventory where Ansible is told to look."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(fleet.access_inventory())
