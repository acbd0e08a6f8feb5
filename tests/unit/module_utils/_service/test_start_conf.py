# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's start.conf."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.start_conf import (
    set_start_keyword,
    start_keyword,
)


def test_start_conf_keeps_its_comments(tmp_path: Path) -> None:
    path = tmp_path / "start.conf"
    assert start_keyword(str(tmp_path)) == "auto"
    path.write_text("# auto or manual\n\n  auto\n")
    path.chmod(0o640)
    set_start_keyword(str(tmp_path), "manual")
    assert path.read_text() == "# auto or manual\n\nmanual\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert start_keyword(str(tmp_path)) == "manual"
