# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A third worker takes the files that need no hosts, every file runs once, and the counts are pytest's own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
WITHOUT_HOSTS = [f"tests/unit/test_{name}.py" for name in "abcdef"]
WITH_HOSTS = [f"tests/system/test_{name}.py" for name in "ghijkl"]
CONFTEST = """
from __future__ import annotations
import sys
sys.path.insert(0, {tests!r})
from support.schedule import Schedule
def pytest_xdist_make_scheduler(config, log):
    return Schedule(config, log)
"""
TEST = """
import pytest, time
@pytest.mark.parametrize("number", range(4))
def test_it(number):
    time.sleep(0.05)
"""


def test_hosts_are_for_two_workers(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.format(tests=str(CHECKOUT / "tests")), encoding="utf-8")
    for name in (*WITHOUT_HOSTS, *WITH_HOSTS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEST, encoding="utf-8")
    options = ("-v", "-p", "no:cacheprovider", "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", ".", "tests/unit", "tests/system"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"=== 48 passed in [^=]*===", done.stdout), done.stdout
    ran = set(re.findall(r"\[(gw\d)\].* PASSED (\S+?)::", done.stdout))
    assert {path for _worker, path in ran} == {*WITHOUT_HOSTS, *WITH_HOSTS}
    assert len(ran) == len({path for _worker, path in ran}), "a file was shared"
    assert {worker for worker, path in ran if path in WITH_HOSTS} <= {"gw0", "gw1"}
    assert "gw2" in {worker for worker, _path in ran}
