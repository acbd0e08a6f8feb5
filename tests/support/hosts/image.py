# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the image of a test host from the recipe: mmdebstrap, then an import into the engine."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from pathlib import Path

import docker
from docker.errors import APIError, ImageNotFound

from support.hosts import recipe
from support.hosts.engine import HostsError, cache_directory, search_path

REPOSITORY = "hotstandby-host"
LABEL = "hotstandby.suite"


def ensure_image(client: docker.DockerClient, suite_name: str = "bookworm", rebuild: bool = False) -> str:
    """The name of the image of `suite_name`, built when the engine does not have it yet.

    :raises HostsError: the suite is unknown, or the build failed.
    """
    suite = recipe.SUITES.get(suite_name)
    if suite is None:
        raise HostsError(f"no recipe for suite {suite_name}: there are {', '.join(recipe.SUITES)}")
    tag = f"{suite.name}-{recipe.fingerprint(suite)}"
    name = f"{REPOSITORY}:{tag}"
    try:
        if not rebuild:
            client.images.get(name)
            return name
    except ImageNotFound:
        pass
    with tempfile.TemporaryDirectory(dir=cache_directory()) as directory:
        archive = Path(directory) / "rootfs.tar"
        _bootstrap(suite, archive)
        client.api.import_image(
            str(archive), repository=REPOSITORY, tag=tag, changes=[f"LABEL {LABEL}={suite.name}"]
        )
    _remove_outdated(client, suite.name, name)
    return name


def _bootstrap(suite: recipe.Suite, archive: Path) -> None:
    command = ["mmdebstrap", *recipe.mmdebstrap_options(), suite.name, str(archive), *sources(suite)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": search_path()}
    )
    if done.returncode:
        log = cache_directory() / f"mmdebstrap-{suite.name}.log"
        log.write_text(done.stderr)
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")] or [done.stderr[-200:]]
        raise HostsError(f"mmdebstrap could not build {suite.name}: {errors[0]} (log: {log})")


def sources(suite: recipe.Suite) -> list[str]:
    """Lines of sources.list for `suite`, from the archive that this machine's own apt uses.

    A machine that is not Debian says nothing of Debian's archive: then it is mmdebstrap's default.
    """
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian":
        return []
    own = release.get("VERSION_CODENAME", "")
    targets = _index_targets()
    if not targets and os.geteuid() == 0:
        subprocess.run(["apt-get", "-q", "update"], capture_output=True, check=False)
        targets = _index_targets()
    lines = []
    for uri, distribution, component in targets:
        pocket = distribution.removeprefix(own)
        if distribution.startswith(own) and pocket in suite.pockets:
            lines.append(f"deb {uri} {suite.name}{pocket} {component}")
    return lines


def _index_targets() -> list[list[str]]:
    done = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI) $(RELEASE) $(COMPONENT)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line.split() for line in dict.fromkeys(done.stdout.splitlines())]
    return [row for row in rows if len(row) == 3]


def _remove_outdated(client: docker.DockerClient, suite_name: str, current: str) -> None:
    for image in client.images.list(filters={"label": f"{LABEL}={suite_name}"}):
        if current not in image.tags:
            try:
                client.images.remove(str(image.id))
            except APIError:
                continue  # a host still runs on it
