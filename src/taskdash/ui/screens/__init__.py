"""The dashboard's screens and dialogs, and the parts of its main screen that the first frame is without.

Each of these is imported when it is first asked for, as `screens.Help`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from taskdash.ui.announce import ExpiringResults, FinishedTasks
    from taskdash.ui.review_list import read_results
    from taskdash.ui.screens.add_ids import AddIds
    from taskdash.ui.screens.batches import Batches, read_batches
    from taskdash.ui.screens.choose_columns import ChooseColumns
    from taskdash.ui.screens.failures import Failures, read_failures
    from taskdash.ui.screens.help import Help
    from taskdash.ui.screens.inspect import Messages, RawJson, Statistics, Status
    from taskdash.ui.screens.palette import ActionProvider, Palette, ThemeProvider
    from taskdash.ui.screens.questions import ChooseLink, ChooseSort, Confirm, CopyMenu, EditLabel
    from taskdash.ui.screens.review import Review
    from taskdash.ui.screens.welcome import Waiting, Welcome
    from taskdash.ui.widgets.filter_box import FilterBox
    from taskdash.ui.widgets.own_views import OwnViews
    from taskdash.ui.widgets.passing import AwayLine, DownloadBar, Tour
    from taskdash.ui.widgets.preview import Preview

__all__ = [
    "ActionProvider",
    "AddIds",
    "AwayLine",
    "Batches",
    "ChooseColumns",
    "ChooseLink",
    "ChooseSort",
    "Confirm",
    "CopyMenu",
    "DownloadBar",
    "EditLabel",
    "ExpiringResults",
    "Failures",
    "FilterBox",
    "FinishedTasks",
    "Help",
    "Messages",
    "OwnViews",
    "Palette",
    "Preview",
    "RawJson",
    "Review",
    "Statistics",
    "Status",
    "ThemeProvider",
    "Tour",
    "Waiting",
    "Welcome",
    "read_batches",
    "read_failures",
    "read_results",
]
_MODULES: Final = {
    "ActionProvider": "screens.palette",
    "Palette": "screens.palette",
    "ThemeProvider": "screens.palette",
    "AddIds": "screens.add_ids",
    "ChooseColumns": "screens.choose_columns",
    "ChooseLink": "screens.questions",
    "ChooseSort": "screens.questions",
    "Confirm": "screens.questions",
    "CopyMenu": "screens.questions",
    "EditLabel": "screens.questions",
    "Failures": "screens.failures",
    "Batches": "screens.batches",
    "read_batches": "screens.batches",
    "read_failures": "screens.failures",
    "Help": "screens.help",
    "Messages": "screens.inspect",
    "RawJson": "screens.inspect",
    "Review": "screens.review",
    "read_results": "review_list",
    "Statistics": "screens.inspect",
    "Status": "screens.inspect",
    "Waiting": "screens.welcome",
    "Welcome": "screens.welcome",
    "ExpiringResults": "announce",
    "FinishedTasks": "announce",
    "AwayLine": "widgets.passing",
    "DownloadBar": "widgets.passing",
    "FilterBox": "widgets.filter_box",
    "OwnViews": "widgets.own_views",
    "Preview": "widgets.preview",
    "Tour": "widgets.passing",
}
"""Which module has which of them."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(name)
        return getattr(import_module(f"taskdash.ui.{_MODULES[name]}"), name)
