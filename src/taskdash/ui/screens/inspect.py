"""Shows what there is to read in dialogs: the raw response, statistics, messages, and the full status."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final

from textual.content import Content, Span
from textual.widgets import Static

from taskdash.domain.untrusted import inert, inert_line
from taskdash.ui.screens.dialog import FittedText, SearchedText, TextDialog, muted
from taskdash.ui.text.figures import statistics_text
from taskdash.ui.text.status import other_row, status_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.binding import BindingType

    from taskdash.domain.tally import TaskFigures
    from taskdash.ui.context import Context
    from taskdash.ui.messages import Message

MAX_CHARS: Final = 100_000
LINES_A_PART: Final = 60
_TIME_CELLS: Final = 10
_MIN_CELLS: Final = 10
_MORE_LINES: Final = 200
"""How many lines of a program's output are shown; the rest are counted."""
_STYLES: Final = {"information": "", "warning": "$text-warning", "error": "$text-error"}

MAX_MATCHES: Final = 1_000
_TOKEN: Final = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")(?P<key>:)?|(?P<mark>[{}\[\],:])|(?P<word>[^\s{}\[\],:"]+)'
)
_KEY, _WORD, _MARK = "$text-accent", "bold", "$text-muted"
"""Strings, most of the text, have no style."""


class RawJson(SearchedText):
    """Shows the last response body that contained a record, indented or as sent."""

    SIZE = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("J", "dismiss(None)", "close"),
        ("r", "as_sent", "indented, or as sent"),
        ("n", "go_to_match(1)", "next match"),
        ("N", "go_to_match(-1)", "previous match"),
    ]

    def __init__(self, task_id: str, text: str, redact: Callable[[str], str]) -> None:
        """`redact` takes API keys out of what was escaped in `text`."""
        laid_out = indented(text)
        self._sent, self._indented = text, redact(laid_out) if laid_out else None
        self._is_as_sent = self._indented is None
        self._parts: list[Content] = []
        self._found: list[tuple[int, int, int]] = []
        """Part, start and end of each match."""
        self._at = 0
        self._cut = f"Cut off here: `taskdash show {task_id} --raw` prints it all."
        super().__init__(f"Raw response for {task_id}", "", *self._cut_in_parts())
        self._tell()

    def _cut_in_parts(self) -> list[Static]:
        """Split the text into parts, so that going to another match does not redraw all of it."""
        if self._is_as_sent or self._indented is None:
            self._parts = [Content(self._sent[:MAX_CHARS])]
        else:
            lines = self._indented[:MAX_CHARS].split("\n")
            starts = range(0, len(lines), LINES_A_PART)
            self._parts = [coloured("\n".join(lines[at : at + LINES_A_PART])) for at in starts]
        is_cut = max(len(self._sent), len(self._indented or "")) > MAX_CHARS
        rest = [Static(Content.styled(f"\n{self._cut}", "$text-warning"))] if is_cut else []
        return [*map(Static, self._parts), *rest]

    def _tell(self) -> None:
        if self.box.value:
            at = f"Match {self._at + 1} of {len(self._found)}: n next, N previous."
            self.hint.show(muted(f"Esc clears the search. {at if self._found else 'No match.'}"))
        else:
            other = f" r {'indents it' if self._is_as_sent else 'shows it as sent'}."
            self.hint.show(muted(f"Esc closes.{other if self._indented else ''}"))

    async def action_as_sent(self) -> None:
        if self._indented is None:
            return
        self._is_as_sent = not self._is_as_sent
        await self.scroll.remove_children()
        await self.scroll.mount_all(self._cut_in_parts())
        self.scroll.scroll_home(animate=False)
        self.on_input_changed()

    def on_input_changed(self) -> None:
        self._found = [
            (number, *place)
            for number, part in enumerate(self._parts)
            for place in matches(part.plain, self.box.value)
        ]
        self._at = 0
        for number in range(len(self._parts)):
            self._draw(number)
        self._show_match()

    def action_go_to_match(self, steps: int) -> None:
        if not self._found:
            return
        before = self._found[self._at][0]
        self._at = (self._at + steps) % len(self._found)
        self._draw(before)
        self._draw(self._found[self._at][0])
        self._show_match()

    def _show_match(self) -> None:
        self._tell()
        # New parts have no position until they are laid out.
        self.call_after_refresh(self._scroll_to_match)

    def _scroll_to_match(self) -> None:
        if not self._found:
            return
        number, _, end = self._found[self._at]
        part = self.scroll.children[number]
        if width := part.size.width:
            y = part.virtual_region.y + self._parts[number][:end].get_height({}, width) - 1
            self.scroll.scroll_to(y=y - self.scroll.size.height // 2, animate=False, immediate=True)

    def _draw(self, number: int) -> None:
        found = [(index, place) for index, (of, *place) in enumerate(self._found) if of == number]
        shown = self._parts[number]
        if found:
            at = self._at - found[0][0]
            shown = highlighted(shown, [(begin, end) for _, (begin, end) in found], at)
        part = self.scroll.children[number]
        if isinstance(part, Static) and part.content is not shown:
            part.update(shown, layout=False)


class Statistics(TextDialog):
    """Shows a table by model and rows of bars, for the tasks shown or marked."""

    SIZE = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [("t", "dismiss(None)", "close")]

    def __init__(self, scope: str, outcomes: Sequence[TaskFigures], now_ms: int) -> None:
        """`scope` describes the tasks, such as `12 tasks matching fox`."""
        super().__init__(
            f"Statistics of {scope}",
            "Esc closes",
            FittedText(lambda width: statistics_text(outcomes, now_ms, width)),
        )

    def on_mount(self) -> None:
        def tell(is_more: bool) -> None:
            self.hint.show(muted("PgDn shows more. Esc closes" if is_more else "Esc closes"))

        self.watch(self.scroll, "show_vertical_scrollbar", tell)


class Messages(TextDialog):
    """Lists the messages of this run, newest first, with their times."""

    SIZE = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [("m", "dismiss(None)", "close")]

    def __init__(self, kept: Sequence[Message]) -> None:
        newest_first = list(reversed(kept))
        super().__init__(
            "Messages", "Esc closes", FittedText(lambda width: messages_text(newest_first, width))
        )


def messages_text(messages: Sequence[Message], width: int) -> Content:
    """Return the messages after their local times, with wrapped lines and program output indented below."""
    lines = []
    for message in messages:
        text = Content.styled(message.text, _STYLES[message.severity])
        at = datetime.fromtimestamp(message.at_ms / 1000).astimezone().strftime("%H:%M:%S")
        before = at.ljust(_TIME_CELLS)
        for line in text.wrap(max(_MIN_CELLS, width - _TIME_CELLS)):
            lines.append(Content.styled(before, "$text-muted") + line)
            before = " " * _TIME_CELLS
        lines += _more(message.more, max(_MIN_CELLS, width - _TIME_CELLS))
    return Content("\n").join(lines or [Content.styled("No messages yet.", "$text-muted")])


def _more(text: str, width: int) -> list[Content]:
    lines = text.expandtabs(4).splitlines()
    left = len(lines) - _MORE_LINES
    shown = [*lines[:_MORE_LINES], *([f"… {left:,} more lines"] if left > 0 else [])]
    before = Content(" " * _TIME_CELLS)
    return [before + part for line in shown for part in Content.styled(line, "$text-muted").wrap(width)]


class Status(TextDialog):
    """Shows the status as names and values, updated every second."""

    def __init__(self, context: Context, last_check_ms: int | None) -> None:
        self.context = context
        self._last_check_ms = last_check_ms
        self._text = FittedText(self._rows)
        super().__init__("Status", "Esc closes", self._text)

    def on_mount(self) -> None:
        self.set_interval(1.0, lambda: self._text.refresh(layout=True))

    def _rows(self, width: int) -> Content:
        context, status = self.context, self.context.watcher.status
        rows = status_rows(
            status, context.key_advice, self._last_check_ms, context.clock.now_ms(), os.getpid()
        )
        where = [
            ("Profile", context.profile),
            ("Gateway", context.settings.in_use.base_url),
            *((f"Also {name}", other_row(each.watcher.status)) for name, each in context.others.items()),
            ("List", inert_line(str(context.store.path))),
        ]
        cells = max(len(name) for name, _ in (*rows, *where)) + 2
        lines = []
        for name, value in (*where[:2], *rows, *where[2:]):
            style = "$text-warning" if name == "Trouble" else ""
            for n, line in enumerate(wrap(value, max(8, width - cells))):
                head = f"{'' if n else name:<{cells}}"
                lines.append(Content.assemble((head, "$text-muted"), (line, style)))
        return Content("\n").join(lines)


def indented(text: str) -> str | None:
    """Return JSON with one value per line; None if the text is not JSON."""
    try:
        laid_out = json.dumps(json.loads(text), ensure_ascii=False, indent=2)[: MAX_CHARS + 1]
    except (ValueError, RecursionError):
        return None
    # What was escaped, such as Chinese, can be read now, but must not act on the terminal.
    return inert(laid_out, max_chars=MAX_CHARS + 1)


def coloured(text: str) -> Content:
    """Return JSON, or a piece of it, with syntax colours."""
    spans = []
    for token in _TOKEN.finditer(text):
        if token["string"] and token["key"]:
            spans.append(Span(token.start(), token.end("string"), _KEY))
        elif token["word"]:
            spans.append(Span(token.start(), token.end(), _WORD))
        elif token["mark"]:
            spans.append(Span(token.start(), token.end(), _MARK))
    return Content(text, spans=spans)


def matches(text: str, word: str) -> list[tuple[int, int]]:
    """Return the start and end of up to `MAX_MATCHES` matches of a word, ignoring case."""
    if not word:
        return []
    found = re.finditer(re.escape(word), text, re.IGNORECASE)
    return [match.span() for match, _ in zip(found, range(MAX_MATCHES), strict=False)]


def highlighted(content: Content, found: Sequence[tuple[int, int]], at: int) -> Content:
    """Return a text with all matches highlighted, and the one at index `at` most of all."""
    marks = [
        Span(start, end, "reverse" if index == at else "bold underline")
        for index, (start, end) in enumerate(found)
    ]
    return Content(content.plain, spans=[*content.spans, *marks])
