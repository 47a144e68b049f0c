"""Draws of each frame only what has changed.

Textual's own compositor has every widget that lies in the rectangle around all changes draw all of its lines, and
writes changed lines from where their widget begins. For the two rows that a key changes that is ten times what is
needed; for the cells that grow every second it is more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual.strip import Strip


class ThriftyCompositor(Compositor):
    """Textual's, but for frames of which only a part has changed."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """Have drawn what has changed since the last frame; None if that is nothing."""
        screen = self.size.region
        changed = [part for region in self._dirty_regions if (part := region.intersection(screen))]
        self._dirty_regions.clear()
        if not changed:
            return None
        spans = list(self._regions_to_spans(changed))
        pieces: list[dict[int, Strip | None]] = [{} for _ in range(screen.height)]
        ends: list[list[int]] = [[] for _ in range(screen.height)]
        for block in _blocks(spans):
            for part, strips in self._drawn(block):
                for y, strip in zip(part.line_range, strips, strict=True):
                    pieces[y][part.x] = strip
                    ends[y].append(part.right)
        return ChopsUpdate(pieces, spans, ends)

    def _drawn(self, block: Region) -> Iterator[tuple[Region, list[Strip]]]:
        """What is seen in a block of the screen: its parts, with their lines."""
        hidden = [block]
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            if not seen.overlaps(block):
                continue
            behind: list[Region] = []
            for place in hidden:
                if part := place.intersection(seen):
                    yield part, widget.render_lines(part.translate((-region.x, -region.y)))
                    behind += _around(part, place)
                else:
                    behind.append(place)
            if not behind:
                return
            hidden = behind


def _blocks(spans: Iterable[tuple[int, int, int]]) -> list[Region]:
    """Spans, from top to bottom, with those under each other put together."""
    blocks: list[Region] = []
    last: dict[tuple[int, int], int] = {}
    for y, left, right in spans:
        at = last.get((left, right))
        if at is not None and blocks[at].bottom == y:
            blocks[at] = blocks[at].grow((0, 0, 1, 0))
        else:
            last[left, right] = len(blocks)
            blocks.append(Region(left, y, right - left, 1))
    return blocks


def _around(part: Region, place: Region) -> Iterator[Region]:
    """What is left of `place` without a part of it."""
    around = (
        Region.from_corners(place.x, place.y, place.right, part.y),
        Region.from_corners(place.x, part.bottom, place.right, place.bottom),
        Region.from_corners(place.x, part.y, part.x, part.bottom),
        Region.from_corners(part.right, part.y, place.right, part.bottom),
    )
    return (region for region in around if region)
