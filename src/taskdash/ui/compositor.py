"""Draws of each frame only what has changed, each piece at its place.

Textual's own compositor has every widget that lies in the rectangle around all changes draw all of its lines, and
writes changed lines from where their widget begins. For the two rows that a key changes that is ten times what is
needed; for the cells that grow every second it is more.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.segment import Segment
from textual._compositor import ChopsUpdate, Compositor
from textual._context import visible_screen_stack
from textual.geometry import Region

from taskdash.ui.pen import written
from taskdash.ui.unsettled import has_unsettled
from taskdash.ui.widgets.unframed import BareLines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console, RenderableType
    from textual.screen import Screen
    from textual.widget import Widget

    from taskdash.ui.pen import Piece


Lines = Sequence[Sequence[Segment]]
"""Lines of a part of the screen, as they are drawn."""
MANY: Final = 6
"""From so many changed regions on, it is not worth while to find out whether any two overlap."""


class Pieces(ChopsUpdate):
    """Pieces of lines, each written at its place on the screen."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        """Take pieces with their column and line."""
        super().__init__([], [], [])
        self._pieces = pieces

    def render_segments(self, console: Console) -> str:
        """What is written to the terminal."""
        return written(self._pieces, console._color_system)  # noqa: SLF001 - as Textual's own; a test watches it


class _Ready(NamedTuple):
    """Lines that are made already, and where their widget was then."""

    place: tuple[Region, Region]
    lines: Lines


class ThriftyCompositor(Compositor):
    """Textual's, but for what is written of a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.is_frame_due = False
        """Whether a frame was asked for with what is marked."""
        # Not with Textual's own: a picture of the whole screen makes it forget those.
        self._marked: dict[Region, _Ready | None] = {}

    def mark(self, widget: Widget, parts: Iterable[tuple[Region, Lines | None]]) -> None:
        """Have parts of a widget drawn with the next frame, as far as they are seen; some are known already."""
        if place := self.visible_widgets.get(widget):
            region, clip = place
            for part, lines in parts:
                whole = part.translate(region.offset)
                if seen := clip.intersection(whole):
                    self._marked[seen] = _Ready(place, lines) if lines and seen == whole else None

    def render_update(
        self, full: bool = False, screen_stack: list[Screen[object]] | None = None, simplify: bool = False
    ) -> RenderableType | None:
        """What is to be shown next; None if that is nothing. `full` is for pictures of the screen."""
        if full:
            return super().render_update(full, screen_stack, simplify)
        visible_screen_stack.set(screen_stack or [])
        return self.render_partial_update()

    def render_partial_update(self) -> Pieces | None:
        """Have drawn what has changed since the last frame."""
        screen = self.size.region
        ready, self._marked = self._marked, {}
        dirty = self._dirty_regions.union(ready)
        changed = [part for region in dirty if (part := region.intersection(screen))]
        self._dirty_regions.clear()
        if any(one.overlaps(other) for one, other in combinations(changed[:MANY], 2)) or len(changed) >= MANY:
            changed = blocks(self._regions_to_spans(changed))
        pieces = [
            piece
            for block in changed
            for part, lines in self._drawn(block, ready.get(block))
            for piece in _pieces(part, lines)
        ]
        # From top to bottom, as one reads: a slow terminal shows it as it comes.
        return Pieces(sorted(pieces, key=itemgetter(1, 0))) if pieces else None

    def _drawn(self, block: Region, ready: _Ready | None) -> Iterator[tuple[Region, Lines]]:
        """What is seen in a block of the screen: its parts, with their lines."""
        hidden = [block]
        for widget, place_of_it in self.visible_widgets.items():
            region, clip = place_of_it
            seen = region.intersection(clip)
            if not seen.overlaps(block):
                continue
            behind: list[Region] = []
            for place in hidden:
                if part := place.intersection(seen):
                    # Where it lies in front, at the place where it was when they were made.
                    if ready is not None and ready.place is place_of_it and part == block:
                        yield part, ready.lines
                        return
                    yield part, _lines(widget, part.translate((-region.x, -region.y)))
                    behind += _around(part, place)
                else:
                    behind.append(place)
            if not behind:
                return
            hidden = behind


def _lines(widget: Widget, crop: Region) -> Lines:
    if isinstance(widget, BareLines):
        return widget.draw_lines(crop)
    return [strip._segments for strip in widget.render_lines(crop)]  # noqa: SLF001 - as above


def _pieces(part: Region, lines: Lines) -> Iterable[Piece]:
    x, y, _, _ = part
    if has_unsettled("".join([text for line in lines for text, _, _ in line])):
        return (piece for y, line in enumerate(lines, y) for piece in _anchored(x, y, line))
    return [(x, y, line) for y, line in enumerate(lines, y)]


def _anchored(x: int, y: int, line: Sequence[Segment]) -> Iterator[Piece]:
    """A line in pieces: what follows text of a width that terminals do not agree on begins at its own place.

    Where such text is taken for narrower than it should be, blanks are left and not what stood there before.
    """
    if not has_unsettled("".join([text for text, _, _ in line])):
        yield x, y, line
        return
    for segment in line:
        cells = segment.cell_length
        if has_unsettled(segment.text):
            yield x, y, (Segment(" " * cells, segment.style),)
        yield x, y, (segment,)
        x += cells


def blocks(spans: Iterable[tuple[int, int, int]]) -> list[Region]:
    """Spans (line, left, right), from top to bottom, with those under each other put together."""
    return [block for block, _ in stacked((y, left, right - left, None) for y, left, right in spans)]


def stacked(parts: Iterable[tuple[int, int, int, Segment | None]]) -> list[tuple[Region, Lines | None]]:
    """Parts of lines (line, first cell, how many, what is in them where it is known), those under each other as one."""
    found: list[tuple[int, int, int, list[list[Segment]], bool]] = []
    last: dict[tuple[int, int, bool], int] = {}
    for y, x, cells, segment in parts:
        is_known = segment is not None
        line = [segment] if segment is not None else []
        at = last.get((x, cells, is_known), -1)
        if at >= 0 and found[at][2] + len(found[at][3]) == y:
            found[at][3].append(line)
        else:
            last[x, cells, is_known] = len(found)
            found.append((x, cells, y, [line], is_known))
    return [
        (Region(x, y, cells, len(lines)), lines if is_known else None)
        for x, cells, y, lines, is_known in found
    ]


def _around(part: Region, place: Region) -> Iterator[Region]:
    """What is left of `place` without a part of it."""
    around = (
        Region.from_corners(place.x, place.y, place.right, part.y),
        Region.from_corners(place.x, part.bottom, place.right, place.bottom),
        Region.from_corners(place.x, part.y, part.x, part.bottom),
        Region.from_corners(part.right, part.y, place.right, part.bottom),
    )
    return (region for region in around if region)
