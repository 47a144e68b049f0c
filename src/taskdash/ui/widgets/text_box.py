"""A text box of one line whose keys act in the order in which they are typed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.widgets import Input

if TYPE_CHECKING:
    from textual.binding import BindingType


class TextBox(Input, inherit_bindings=False):
    """Textual's, with priority for its editing keys.

    Letters it takes in at once, other keys only after they have come by everything around it: of a burst of both the
    letters behind a Backspace would be there before it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        replace(each, priority=True) for each in Input.BINDINGS if isinstance(each, Binding)
    ]
