# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of a module that takes long, and when."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._progress import Progress
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils import _watch
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._watch import WatchedModule

Answer = Progress | None | Exception


def clone(done: int, seconds: float) -> Progress:
    return Progress("clone", done, 1000, seconds)


class Reader(WatchedModule):
    """Is given what the file says, and then the module ends."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.over = threading.Event()

    def _read(self, path: str) -> Progress | None:
        answer = self.answers.pop(0)
        if not self.answers:
            self.over.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines, which all go to stderr."""
    lines: list[str] = []

    def display(line: str, *, stderr: bool) -> None:
        assert stderr
        lines.append(line)

    monkeypatch.setattr(_watch, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(_watch, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(_watch.display, "display", display)
    return lines


@pytest.mark.parametrize(
    ("answers", "percents"),
    [
        ([clone(100, 10), clone(200, 15), None], ["10 %", "20 %"]),
        ([None, clone(100, 10), None], ["10 %"]),
        ([clone(100, 10), clone(100, 10), clone(100, 10), None], ["10 %"]),
        ([clone(100, 10), RuntimeError("the host is gone"), OSError(), clone(300, 25), None], ["10 %", "30 %"]),
        ([clone(100, 10)], []),
    ],
    ids=["each", "not yet", "nothing new", "it cannot be read meanwhile", "the module has just ended"],
)
def test_what_is_shown(answers: list[Answer], percents: list[str], shown: list[str]) -> None:
    reader = Reader(*answers)
    reader.show("/file", "db-3", reader.over)
    assert [line.split(", ")[1] for line in shown] == percents


def test_nothing_is_read_while_it_is_short(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> None:
    monkeypatch.setattr(_watch, "FIRST_SECONDS", 60)
    reader = Reader(clone(100, 10))
    reader.over.set()
    reader.show("/file", "db-3", reader.over)
    assert (reader.answers, shown) == ([clone(100, 10)], [])
