"""A text of sections some of which grow with time: made anew is only what is due to read otherwise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from textual.content import Content

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BETWEEN: Final = "\n\n"


class Section:
    """A part of the text, and until when it reads the same."""

    def __init__(
        self, make: Callable[[int], Content], stands_ms: Callable[[int], float] = lambda _now_ms: math.inf
    ) -> None:
        """Prepare a section.

        Args:
            make: Gives its text as of a time in ms; an empty one for none.
            stands_ms: For how many milliseconds from a time on it reads the same, at least.
        """
        self._make = make
        self._stands_ms = stands_ms
        self.content = Content("")
        self.stands_until_ms = -math.inf

    def renew(self, now_ms: int) -> Content:
        """Make it as of now; what it was."""
        before, self.content = self.content, self._make(now_ms)
        self.stands_until_ms = now_ms + self._stands_ms(now_ms)
        return before


class GrowingText:
    """Sections with an empty line between them."""

    def __init__(self, sections: Sequence[Section]) -> None:
        self._sections = sections
        self._made_ms = 0
        self._stands_until_ms = -math.inf
        self._content = Content("")

    def at(self, now_ms: int) -> Content:
        """The text as of now; the very same one for as long as it reads the same."""
        # Before it was made: the clock was set back.
        is_behind = now_ms < self._made_ms
        if not is_behind and now_ms < self._stands_until_ms:
            return self._content
        content: Content | None = self._content
        begins = 0
        for section in self._sections:
            if is_behind or section.stands_until_ms <= now_ms:
                before = section.renew(now_ms)
                if content is not None:
                    content = _replaced(content, begins, before, section.content)
            if section.content.plain:
                begins += len(section.content.plain) + len(_BETWEEN)
        self._content = self._joined() if content is None else content
        self._made_ms = now_ms
        self._stands_until_ms = min(section.stands_until_ms for section in self._sections)
        return self._content

    def _joined(self) -> Content:
        return Content(_BETWEEN).join(section.content for section in self._sections if section.content.plain)


def _replaced(whole: Content, begins: int, before: Content, now: Content) -> Content | None:
    """A text with other words of the same length and styles at a place; None where they are not."""
    text, ends = whole.plain, begins + len(now.plain)
    if len(before.plain) != len(now.plain) or before.spans != now.spans:
        return None
    if before.plain == now.plain:
        return whole
    return Content(text[:begins] + now.plain + text[ends:], list(whole.spans), strip_control_codes=False)
