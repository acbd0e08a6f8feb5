# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-test sanity: every test of it that runs without a container, and no ignore file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from judges.judging import Judge

# ansible-test makes virtual environments in its home directory: kept between runs, outside the checkout.
HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hotstandby-postgresql" / "ansible-test"

# It fetches a script that puts pip into them, from a host that many networks do not reach. Under the name at
# which it looks first, this one does the same with what every Python carries.
GET_PIP = "import ensurepip\n\nensurepip.bootstrap(upgrade=True)\n"


@pytest.fixture(scope="module")
def sanity_judge() -> Judge:
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / f"get_pip_{pip_version().replace('.', '_')}.py").write_text(GET_PIP)
    # ansible-test hands no PIP_… variable on to pip, and has another home: so where packages are goes along
    (HOME / ".pip").mkdir(exist_ok=True)
    (HOME / ".pip" / "pip.conf").write_text(pip_settings())
    return Judge(home=HOME)


def pip_version() -> str:
    """The version of pip that this ansible-test wants: the name of its cached script contains it."""
    import ansible_test

    source = Path(ansible_test.__path__[0], "_internal", "python_requirements.py").read_text()
    found = re.search(r"\bpip='([0-9.]+)'", source)
    return found.group(1) if found else pytest.fail("ansible-test no longer says which pip it wants")


def pip_settings() -> str:
    """pip's settings here, from its files and its environment, as one file."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    settings: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # the later wins, as with pip
        settings.update(re.findall(rf"^{section}\.([a-z-]+)='(.*)'$", listing, re.MULTILINE))
    return "\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items()), ""])


def test_sanity(sanity_judge: Judge, tree: Path) -> None:
    listing = sanity_judge("ansible-test", "sanity", "--list-tests", cwd=tree)
    offered = set(re.findall(r"^[a-z0-9-]+$", listing, re.MULTILINE))
    output = sanity_judge("ansible-test", "sanity", "--requirements", "--color", "no", cwd=tree)
    # It exits with 0 also when it left out a test for want of a program, or all of them: so look what ran.
    ran = set(re.findall(r'^Running sanity test "([^"]+)"', output, re.MULTILINE))
    assert len(ran) >= 20, output
    assert "Required program" not in output, output
    assert ran == offered, f"ansible-test left out: {sorted(offered - ran)}\n{output}"
