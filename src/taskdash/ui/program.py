"""What screens and dialogs may ask of the application that they are part of; it knows them, they do not know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from taskdash.ui.said import Said


class Program(Protocol):
    """The dashboard as what is on its screen sees it."""

    def copy(self, said: Said) -> None:
        """Copy what `said` has with it, and tell how that was done."""

    def action_draw_again(self) -> None:
        """Draw over whatever others have written on the terminal."""

    def leave_for_demo(self) -> None:
        """End, so that the demo can be opened instead."""

    async def use_profile(self, name: str) -> None:
        """Show the list of another profile, and watch it instead of this one."""

    async def use_key(self, text: str) -> None:
        """Keep an API key in a first config, and begin to check with it.

        Raises:
            TaskdashError: it is no key, or cannot be kept.
        """
