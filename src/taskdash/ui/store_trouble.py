"""What is wrong with the list's file, for the banner: for as long as it is, or until it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdash.domain.errors import StoreError


class StoreTrouble:
    """Said by whoever reads or writes the list; the list stays on the screen as it was last read."""

    def __init__(self) -> None:
        self._error: str | None = None
        self._waits = False
        self._mishap: str | None = None

    def failed(self, error: StoreError) -> None:
        """It cannot be read or written just now."""
        self._error = str(error)

    def waits(self) -> None:
        """Another program has it locked."""
        self._waits = True

    def works(self) -> None:
        """It can be used."""
        self._error, self._waits = None, False

    def befell(self, line: str) -> None:
        """The file was damaged or exchanged: said until `forget`."""
        self._mishap = line

    def forget(self) -> bool:
        """The user has read it; return whether there was something to read."""
        was_there, self._mishap = self._mishap is not None, None
        return was_there

    def banner(self, _now_ms: int) -> str:
        """One line; "" where nothing is wrong."""
        if self._error is not None:
            return f"{sentence(self._error)} The list is shown as it was last read; it is tried again."
        if self._waits:
            return "Another program has locked the list: waiting for it. What is shown was read before."
        return f"{sentence(self._mishap)} Esc closes this line." if self._mishap else ""


def sentence(text: str) -> str:
    """A message as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
