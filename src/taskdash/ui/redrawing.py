"""Draws what ticks with one frame, at once.

Textual's own way from `refresh` to the terminal takes two messages for each widget and a timer for the frame. Every
second, with nobody at the keys, that is as much work as to draw it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from taskdash.ui.compositor import ThriftyCompositor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.geometry import Region
    from textual.screen import Screen
    from textual.widget import Widget

    from taskdash.ui.compositor import Lines


def redraw(widget: Widget, parts: Sequence[tuple[Region, Lines | None]]) -> None:
    """Have parts of a widget drawn again, all that are asked for in this turn of the loop with one frame.

    A part may have its lines with it, where they are at hand. It is for widgets that keep no lines for Textual to
    forget, and that take the room that they took.
    """
    screen = widget.screen
    compositor = screen._compositor  # noqa: SLF001 - a test watches the names
    if not isinstance(compositor, ThriftyCompositor) or not _is_steady(screen):
        widget.refresh(*(region for region, _ in parts))
        return
    # What is selected and copied is taken from the text in it.
    widget._layout_cache.clear()  # noqa: SLF001 - as above
    compositor.mark(widget, parts)
    if not compositor.is_frame_due:
        compositor.is_frame_due = True
        asyncio.get_running_loop().call_soon(_draw, screen, compositor)


def _is_steady(screen: Screen[object]) -> bool:
    """Whether what is to be seen is on this screen, at the places that the compositor knows."""
    app = screen.app
    return (
        screen is app.screen
        and not app._batch_count  # noqa: SLF001 - as above
        and not screen._layout_required  # noqa: SLF001 - as above
        and not screen._scroll_required  # noqa: SLF001 - as above
    )


def _draw(screen: Screen[object], compositor: ThriftyCompositor) -> None:
    compositor.is_frame_due = False
    if not screen.is_attached:
        return
    if _is_steady(screen):
        compositor.update_widgets(screen._dirty_widgets)  # noqa: SLF001 - as above
        screen._compositor_refresh()  # noqa: SLF001 - as above
    else:
        # A layout is due, or another screen was opened: both draw all that there is.
        screen.refresh()
