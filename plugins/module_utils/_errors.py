# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that every layer raises for something an operator must read, and what its sentences are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

LISTED_AT_MOST = 3


class HotStandbyError(Exception):
    """Something is wrong that a person has to put right.

    name: stable short name (snake case) that tests and runbooks refer to.
    message: what is wrong and where, without a closing full stop.
    hint: what to do next.
    facts: what a module's failure says besides, by name.
    """

    def __init__(self, name: str, message: str, hint: str = "", facts: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.facts = dict(facts or {})
        self.message = one_line(message).rstrip(".")
        self.hint = one_line(hint).rstrip(".")
        super().__init__(" ".join(_sentence(text) for text in (self.message, self.hint) if text))


def _sentence(text: str) -> str:
    """A server's message may end with a question."""
    return text if text.endswith(("?", "!")) else f"{text}."


def one_line(text: str) -> str:
    """Fold a text of several lines (a server's message, a program's output) into one."""
    return " ".join(text.split())


def listed(found: Iterable[object]) -> str:
    """As a part of a sentence; empty for none."""
    texts = [str(one) for one in found]
    more = [f"{len(texts) - LISTED_AT_MOST} more"] if len(texts) > LISTED_AT_MOST else []
    return ", ".join(texts[:LISTED_AT_MOST] + more)
