"""Everything that the dashboard copies goes this way, so that what is told of it is what was done.

A program of the desktop comes first, where the user sits at this machine; then the terminal, which is asked to fill
the clipboard and says nothing to it. What is too much for a terminal is written to a file of the user's own.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from taskdash.domain.untrusted import inert_line
from taskdash.ui.said import Said

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdash.results.desktop import ClipboardProgram
    from taskdash.ui.desk import Desk


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of a text."""

    words: str
    """After what was copied: ` (sent to the terminal)`; or the whole reason why it was not."""
    ok: bool = True


class Copier:
    """Copies one text after the other, so that the last one asked for is the one that stays."""

    def __init__(self, send: Callable[[str], None], keep: Callable[[str], None]) -> None:
        """Prepare; nothing is looked for before the first text.

        Args:
            send: asks the terminal.
            keep: remembers what the desktop's clipboard was filled with, for pasting within the dashboard.
        """
        self._send = send
        self._keep = keep
        self._turn = asyncio.Lock()

    async def put(self, desk: Desk, said: Said) -> Said:
        """Copy what `said` has with it; return what to tell.

        Args:
            desk: which keys to hide, and the ways out.
            said: what was asked for.
        """
        text = said.copy
        if text is None:
            return said
        text = text.encode("utf-8", "replace").decode()  # half a surrogate pair has no bytes
        text = desk.keys.redact(text)
        async with self._turn:
            outcome = await self._put(desk, text)
        if outcome.ok:
            return Said(f"{said.text}{outcome.words}.{said.more}", said.severity)
        return Said(f"{said.what}: {outcome.words}.{said.more}", "warning")

    async def _put(self, desk: Desk, text: str) -> Copied:
        from taskdash.results.desktop import MAX_TERMINAL_BYTES, SENT, ClipboardError

        failure = ""
        program = await asyncio.to_thread(desk.find_clipboard)
        if program is not None:
            try:
                await self._fill(program, text)
            except ClipboardError as error:
                failure = f"; {inert_line(str(error), 200)}"
            else:
                return Copied(f" with {program.name}")
        size = len(text.encode())
        if size <= MAX_TERMINAL_BYTES:
            self._send(text)
            return Copied(f" ({SENT}{failure})")
        limit = f"{-(-size // 1024):,} KiB, it takes {MAX_TERMINAL_BYTES // 1024}"
        return Copied(
            f"too much for a terminal's clipboard ({limit}{failure}){await _saved(desk, text)}", ok=False
        )

    async def _fill(self, program: ClipboardProgram, text: str) -> None:
        await asyncio.to_thread(program.copy, text)
        self._keep(text)


async def _saved(desk: Desk, text: str) -> str:
    try:
        path = await asyncio.to_thread(desk.save_copy, text)
    except OSError as error:
        return f", and it cannot be saved to a file: {error.strerror}"
    return f": saved to {inert_line(str(path))}" if path else ""
