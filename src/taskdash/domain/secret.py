"""An API key that cannot be printed by accident."""

from __future__ import annotations

import re

_SENDABLE = re.compile(r"[\x21-\x7e]+")


class Secret:
    """Holds a key. Only `reveal` gives it away, so a grep for that word finds every use."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Take the key as found; surrounding white space is not part of it.

        Raises:
            ValueError: the key is empty or has characters that no HTTP header may carry. The message does
                not repeat it.
        """
        value = value.strip()
        if not _SENDABLE.fullmatch(value):
            raise ValueError(
                "is empty" if not value else "has white space or characters that are not ASCII in it"
            )
        self._value = value

    def reveal(self) -> str:
        """The key itself, for the Authorization header."""
        return self._value

    def masked(self) -> str:
        """`***` and at most the last 4 characters, and those only of a key long enough to spare them."""
        return "***" + (self._value[-4:] if len(self._value) >= 12 else "")

    def redact(self, text: str) -> str:
        """Return `text` with every occurrence of the key, however it is escaped, replaced by `***`."""
        return re.sub(_spellings(self._value), "***", text)

    def redact_bytes(self, data: bytes) -> bytes:
        """The same for bytes; `data` itself where the key is not in it."""
        pattern = re.compile(_spellings(self._value).encode())
        return pattern.sub(b"***", data) if pattern.search(data) else data

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def _spellings(value: str) -> str:
    """A pattern of the key as it is, and as a URL, JSON, JSON inside JSON or Python writes it.

    Letters, digits and the like are the same in all of them; so most keys are found as quickly as any text is.
    """
    return "".join(
        char
        if char.isalnum() or char in "-_~"
        else rf"\\*(?:%(?:25)*(?i:{ord(char):02x})|u00(?i:{ord(char):02x})|{re.escape(char)})"
        for char in value
    )
