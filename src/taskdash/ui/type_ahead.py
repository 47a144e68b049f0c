"""Letters that were typed before the text box they are meant for was there, as in `/fox` typed at once.

Textual hands each key to the widget that has the focus when it is read. A key that opens a text box is acted on a
little later, so the letters behind it come by as keys that nobody took: they would do what they do in the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual import events
    from textual.app import App
    from textual.widgets import Input


def take_typed_ahead(app: App[None], event: events.Key) -> bool:
    """Put a letter that nobody took into the text box that has opened since; whether there is one."""
    if not event.is_printable or event.character is None:
        return False
    box = _open_box(app)
    if box is None:
        return False
    # At once, not as another event: Enter, behind it, is acted on at once too.
    box.insert_text_at_cursor(event.character)
    return True


def _open_box(app: App[None]) -> Input | None:
    """The text box that has the focus, or will have it once its dialog is drawn."""
    focused = app.focused
    if focused is None and len(app.screen_stack) > 1:
        focused = next(iter(app.screen.query("Input")), None)
    if focused is None or not hasattr(focused, "insert_text_at_cursor"):
        return None
    # Only now: no list of which nothing is typed into needs it.
    from textual.widgets import Input

    return focused if isinstance(focused, Input) else None
