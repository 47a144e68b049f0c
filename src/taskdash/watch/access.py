"""Which gateway a process asks and with which key, told to others so that they can tell whether theirs is the same."""

from __future__ import annotations

import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskdash.domain.secret import Secret

MARK_BYTES: Final = 4
"""Enough to tell two keys apart, and too few to find one by."""


class Access:
    """A base URL and a key, of which others learn no more than whether theirs is the same."""

    def __init__(self, base_url: str, key: Secret | None) -> None:
        self._base_url = base_url
        self._key = key
        self._salt = secrets.token_hex(blake2b.SALT_SIZE)

    def told(self) -> dict[str, str]:
        """Return what may be written down: of the key a few bits that are worth nothing without the key itself."""
        return {"base_url": self._base_url, "salt": self._salt, "key_mark": self._mark(self._salt)}

    def differs_from(self, told: Mapping[str, Any]) -> str:
        """Return what is another one than that of a process that told this, in words; "" for nothing."""
        base_url, salt, mark = told.get("base_url"), told.get("salt"), told.get("key_mark")
        if isinstance(base_url, str) and base_url != self._base_url:
            return "base URL"
        if not (isinstance(salt, str) and isinstance(mark, str)) or self._key is None:
            return ""
        try:
            return "" if mark == self._mark(salt) else "API key"
        except ValueError:
            return ""

    def _mark(self, salt: str) -> str:
        key = b"" if self._key is None else self._key.reveal().encode()
        return blake2b(key, digest_size=MARK_BYTES, salt=bytes.fromhex(salt)).hexdigest()
