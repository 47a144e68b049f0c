"""A text with hyperlinks that a terminal can open itself (OSC 8), each the same link on all the lines it takes.

Rich gives every piece of a link an ID of its own, at random, and another one with each drawing. A terminal would take
a link that is wrapped over three lines for three, and the screen would never be the same twice.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.content import Content
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.visual import Visual

from taskdash.ui.redrawing import redraw
from taskdash.ui.widgets.unframed import Unframed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from rich.style import Style as RichStyle
    from textual.color import Color
    from textual.css.styles import RulesMap
    from textual.geometry import Size
    from textual.style import Style

    from taskdash.ui.compositor import Lines


class LinkIds(LineFilter):
    """Gives each link an ID that follows from where it leads."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's signature
        """Return the line with its links named."""
        if not any(segment.style is not None and segment.style.link for segment in segments):
            return segments
        return [
            Segment(text, _named(style) if style is not None and style.link else style, control)
            for text, style, control in segments
        ]


@lru_cache(maxsize=256)
def link_id(url: str) -> str:
    """The ID of a link: short, and plain enough to stand between `id=` and a semicolon."""
    return f"{zlib.crc32(url.encode('utf-8', 'replace')):08x}"


def _named(style: RichStyle) -> RichStyle:
    named = style.copy()
    named._link_id = link_id(style.link or "")  # noqa: SLF001 - Rich has no other way; a test watches the name
    return named


class HyperText(Unframed):
    """A text whose links may be links to the terminal; of one that ticks only the lines that differ are drawn."""

    DEFAULT_CSS = "HyperText { height: auto; }"

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._content = Content("")
        self._strips: list[Strip] = []
        self._drawn_as: tuple[Size, Style] | None = None
        self._filtered: dict[int, Strip] = {}
        """Lines as they were seen last, in their width of then; a part of one is told by that."""

    def render(self) -> Content:
        """The text."""
        return self._content

    def show(self, content: Content) -> None:
        """Show another text. Where it takes as many lines as before, this may be called every second."""
        before, self._content = self._content, content
        if content is before:
            return
        width, height = self.content_size
        lines = _changed_lines(before, content, width) if width else None
        if self._drawn_as is None or lines is None or self.text_selection is not None:
            self.refresh(layout=self._needs_layout(before))
            return
        for line in lines:
            self._strips[line.y : line.y + line.height] = self._drawn(line, width)
        del self._strips[height:]
        if lines:
            redraw(
                self, [(Region(0, line.y, width, line.height), self._known(line, width)) for line in lines]
            )

    def _known(self, line: _Line, width: int) -> Lines | None:
        """What is to be seen of a line, made of what was; None where it has to be drawn and filtered."""
        strip, *_ = [self._filtered.pop(y, None) for y in range(line.y, line.y + line.height)]
        if strip is None or strip.cell_length != width or line.height != 1:
            return None
        strip = _rewritten(strip, line.was, self._content.plain[line.begins : line.ends])
        if strip is None:
            return None
        self._filtered[line.y] = strip
        return [list(strip)]

    def _drawn(self, line: _Line, width: int) -> list[Strip]:
        """A line alone. Each of its cells tells the number of the line, for what is selected."""
        if line.height == 1 and line.y < len(self._strips):
            said = self._content.plain[line.begins : line.ends]
            if strip := _rewritten(self._strips[line.y], line.was, said):
                return [strip]
        text = self._content[line.begins : line.ends]
        if line.height == 1:
            strips = Visual.to_strips(self, text, width, 1, self.visual_style)
            return [strip.apply_offsets(0, line.number) for strip in strips]
        below = Content("\n" * line.number) + text
        return Visual.to_strips(self, below, width, None, self.visual_style)[-line.height :]

    def _needs_layout(self, before: Content) -> bool:
        """Whether the text takes another size. To lay out the screen costs more than to draw a key's frame.

        What is shorter than the place for it fills it all the same: then it is higher than its text.
        """
        width, height = self.content_size
        if not width:
            return True
        now = self._content.get_height(_NO_RULES, width)
        return now > height or (now < height == before.get_height(_NO_RULES, width))

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Draw anew: all of it, unless it is said what."""
        if not regions:
            self._drawn_as = None
            self._filtered.clear()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines in `crop`, drawn where they were not yet."""
        width, height = self.content_size
        drawn_as = (self.content_size, self.visual_style)
        if drawn_as != self._drawn_as:
            self._strips = Visual.to_strips(self, self._content, width, height, self.visual_style)
            self._drawn_as = drawn_as
            self._filtered.clear()
        strips = super().render_lines(crop)
        self._filtered.update(zip(crop.line_range, strips, strict=True))
        return strips

    def render_line(self, y: int) -> Strip:
        """One line of it; an empty one behind its end."""
        return self._strips[y] if y < len(self._strips) else _NOTHING

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own filters, which name links anew, and then ours."""
        return [*super().get_line_filters(), _LINK_IDS]


class _Line(NamedTuple):
    """A line of a text: what it was, its number, where in the text it is, and where on the widget."""

    was: str
    number: int
    begins: int
    ends: int
    y: int
    height: int


def _changed_lines(before: Content, now: Content, width: int) -> list[_Line] | None:
    """The lines that say something else; None where others may move."""
    if len(before.plain) != len(now.plain) or before.spans != now.spans:
        return None
    old, new = before.plain.split("\n"), now.plain.split("\n")
    if len(old) != len(new):
        return None
    others = [number for number, (was, line) in enumerate(zip(old, new, strict=True)) if was != line]
    changed: list[_Line] = []
    y = begins = 0
    # What is below the last of them is not looked at: for a text that grows that is most of it.
    for number, line in enumerate(new[: others[-1] + 1] if others else ()):
        was, height, ends = old[number], _height(old[number], width), begins + len(line)
        if was != line:
            if _height(line, width) != height:
                return None
            changed.append(_Line(was, number, begins, ends, y, height))
        y, begins = y + height, ends + 1
    return changed


def _rewritten(strip: Strip, was: str, now: str) -> Strip | None:
    """A line as it is drawn, with other ASCII characters in the place of such; None where there is more to it."""
    pairs = [pair for pair in zip(was, now, strict=False) if pair[0] != pair[1]]
    chars = "".join(map("".join, pairs))
    if (
        len(was) != len(now)
        or not chars.isascii()
        or not chars.isprintable()
        or not strip.text.startswith(was)
    ):
        return None
    text, segments, at = now + strip.text[len(now) :], [], 0
    for said, style, control in strip:
        segments.append(Segment(text[at : at + len(said)], style, control))
        at += len(said)
    return Strip(segments, strip.cell_length)


def _height(line: str, width: int) -> int:
    return 1 if cell_len(line) <= width else Content(line).get_height(_NO_RULES, width)


_NO_RULES: RulesMap = {}
_NOTHING = Strip([], 0)
_LINK_IDS = LinkIds()
