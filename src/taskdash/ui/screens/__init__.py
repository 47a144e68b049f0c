"""The dashboard's screens and dialogs.

A dialog is imported when it is first opened, as `screens.Help`: none of them is part of the first frame.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from taskdash.ui.screens.add_ids import AddIds
    from taskdash.ui.screens.choose_columns import ChooseColumns
    from taskdash.ui.screens.copy_menu import CopyMenu
    from taskdash.ui.screens.dialog import ChooseLink, ChooseSort, Confirm
    from taskdash.ui.screens.edit_label import EditLabel
    from taskdash.ui.screens.failures import Failures, read_failures
    from taskdash.ui.screens.help import Help
    from taskdash.ui.screens.inspect import RawJson, Statistics
    from taskdash.ui.screens.messages import Messages
    from taskdash.ui.screens.palette import ActionProvider, Palette, ThemeProvider
    from taskdash.ui.screens.status import Status
    from taskdash.ui.screens.welcome import Waiting, Welcome

__all__ = [
    "ActionProvider",
    "AddIds",
    "ChooseColumns",
    "ChooseLink",
    "ChooseSort",
    "Confirm",
    "CopyMenu",
    "EditLabel",
    "Failures",
    "Help",
    "Messages",
    "Palette",
    "RawJson",
    "Statistics",
    "Status",
    "ThemeProvider",
    "Waiting",
    "Welcome",
    "read_failures",
]
_MODULES: Final = {
    "ActionProvider": "palette",
    "Palette": "palette",
    "ThemeProvider": "palette",
    "AddIds": "add_ids",
    "ChooseColumns": "choose_columns",
    "ChooseLink": "dialog",
    "ChooseSort": "dialog",
    "Confirm": "dialog",
    "CopyMenu": "copy_menu",
    "EditLabel": "edit_label",
    "Failures": "failures",
    "read_failures": "failures",
    "Help": "help",
    "Messages": "messages",
    "RawJson": "inspect",
    "Statistics": "inspect",
    "Status": "status",
    "Waiting": "welcome",
    "Welcome": "welcome",
}
"""Which module has which of them."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(name)
        return getattr(import_module(f"taskdash.ui.screens.{_MODULES[name]}"), name)
