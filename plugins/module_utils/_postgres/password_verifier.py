# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Password verifiers as PostgreSQL stores them, computed here so that no password travels in SQL. Pure.

SCRAM-SHA-256: RFC 5803 and RFC 7677; the password is prepared as PostgreSQL's own client and server do it
(SASLprep, RFC 4013, and the bytes as they are where that refuses). md5: below version 10.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import stringprep
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

# PostgreSQL's own (SCRAM_DEFAULT_ITERATIONS, SCRAM_DEFAULT_SALT_LEN).
ITERATIONS = 4096
SALT_BYTES = 16

_SCRAM = re.compile(
    r"SCRAM-SHA-256\$(?P<iterations>[0-9]{1,9}):(?P<salt>[^$:]+)\$(?P<stored>[^$:]+):(?P<server>[^$:]+)"
)
_PROHIBITED: tuple[Callable[[str], bool], ...] = (
    stringprep.in_table_a1,  # not assigned in Unicode 3.2
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


@dataclass(frozen=True)
class ScramVerifier:
    """What the server keeps instead of the password."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    @classmethod
    def of(cls, password: str, salt: bytes, iterations: int = ITERATIONS) -> ScramVerifier:
        """Compute it. salt is random, SALT_BYTES long for a new one."""
        salted = hashlib.pbkdf2_hmac("sha256", prepare(password), salt, iterations)
        client_key = _hmac(salted, b"Client Key")
        return cls(iterations, salt, hashlib.sha256(client_key).digest(), _hmac(salted, b"Server Key"))

    @classmethod
    def parse(cls, text: str) -> ScramVerifier:
        """Read a pg_authid.rolpassword. Raises ValueError, which does not repeat the text."""
        found = _SCRAM.fullmatch(text)
        if not found:
            raise ValueError("not a SCRAM-SHA-256 verifier")
        try:
            salt, stored, server = (_decode(found[name]) for name in ("salt", "stored", "server"))
        except binascii.Error:
            raise ValueError("not a SCRAM-SHA-256 verifier") from None
        return cls(int(found["iterations"]), salt, stored, server)

    def __str__(self) -> str:
        salt, stored, server = (
            base64.b64encode(part).decode("ascii") for part in (self.salt, self.stored_key, self.server_key)
        )
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored}:{server}"

    def matches(self, password: str) -> bool:
        """Whether it was made of this password."""
        if not self.iterations:
            return False
        other = ScramVerifier.of(password, self.salt, self.iterations)
        # a verifier put together by hand may have two keys that do not belong together
        return hmac.compare_digest(str(other), str(self))


def md5_verifier(password: str, user: str) -> str:
    """What a server below version 10 keeps; the user's name is the salt."""
    text = (password + user).encode("utf-8", "surrogateescape")
    return "md5" + hashlib.md5(text, usedforsecurity=False).hexdigest()


def new_verifier(password: str, user: str, scram: bool, salt: bytes) -> str:
    """What to give the server for a password: scram from version 10 on."""
    return str(ScramVerifier.of(password, salt)) if scram else md5_verifier(password, user)


def is_verifier_of(stored: str | None, password: str, user: str, scram: bool) -> bool:
    """Whether the server's verifier is of the wanted kind and of this password.

    An md5 verifier of the right password is still wrong where scram is wanted: access rules that ask for
    scram-sha-256 refuse it.
    """
    if not stored:
        return False
    if not scram:
        return hmac.compare_digest(stored, md5_verifier(password, user))
    try:
        return ScramVerifier.parse(stored).matches(password)
    except ValueError:
        return False


def prepare(password: str) -> bytes:
    """Return the bytes that the keys are derived from.

    A password of ASCII only, and one that SASLprep does not allow, stands for its own bytes. Like PostgreSQL,
    the rules are applied to the characters as they are before normalisation.
    """
    raw = password.encode("utf-8", "surrogateescape")
    if password.isascii() or raw.decode("utf-8", "ignore") != password:
        return raw
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in password
        if not stringprep.in_table_b1(character)
    )
    if not mapped or not _is_allowed(mapped):
        return raw
    return unicodedata.normalize("NFKC", mapped).encode("utf-8")


def _is_allowed(text: str) -> bool:
    if any(prohibited(character) for character in text for prohibited in _PROHIBITED):
        return False
    if not any(stringprep.in_table_d1(character) for character in text):
        return True
    # right-to-left text: nothing left-to-right in it, and right-to-left at both ends
    return (
        not any(stringprep.in_table_d2(character) for character in text)
        and stringprep.in_table_d1(text[0])
        and stringprep.in_table_d1(text[-1])
    )


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
