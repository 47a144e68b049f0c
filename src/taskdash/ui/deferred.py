"""The parts of the dashboard that its first frame does without: most screens and dialogs, and some widgets.

Each is imported on first access, for example by `deferred.Help`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from taskdash.ui.announce import ExpiringResults as ExpiringResults
    from taskdash.ui.announce import FinishedTasks as FinishedTasks
    from taskdash.ui.checking import Checking as Checking
    from taskdash.ui.copying import Copying as Copying
    from taskdash.ui.copying import deliver as deliver
    from taskdash.ui.downloads import BackgroundDownloads as BackgroundDownloads
    from taskdash.ui.own_themes import known_themes as known_themes
    from taskdash.ui.own_themes import load_theme as load_theme
    from taskdash.ui.own_themes import load_themes as load_themes
    from taskdash.ui.own_themes import refuse_unknown as refuse_unknown
    from taskdash.ui.own_views import OwnViews as OwnViews
    from taskdash.ui.review_list import read_results as read_results
    from taskdash.ui.screens.add_ids import AddIds as AddIds
    from taskdash.ui.screens.batches import Batches as Batches
    from taskdash.ui.screens.batches import read_batches as read_batches
    from taskdash.ui.screens.choose_columns import ChooseColumns as ChooseColumns
    from taskdash.ui.screens.failures import Failures as Failures
    from taskdash.ui.screens.failures import read_failures as read_failures
    from taskdash.ui.screens.help import Help as Help
    from taskdash.ui.screens.inspect import Messages as Messages
    from taskdash.ui.screens.inspect import RawJson as RawJson
    from taskdash.ui.screens.inspect import Statistics as Statistics
    from taskdash.ui.screens.inspect import Status as Status
    from taskdash.ui.screens.palette import ActionProvider as ActionProvider
    from taskdash.ui.screens.palette import Palette as Palette
    from taskdash.ui.screens.palette import ThemeProvider as ThemeProvider
    from taskdash.ui.screens.questions import ChooseLink as ChooseLink
    from taskdash.ui.screens.questions import ChooseSort as ChooseSort
    from taskdash.ui.screens.questions import Confirm as Confirm
    from taskdash.ui.screens.questions import CopyMenu as CopyMenu
    from taskdash.ui.screens.questions import EditLabel as EditLabel
    from taskdash.ui.screens.review import Review as Review
    from taskdash.ui.screens.welcome import Waiting as Waiting
    from taskdash.ui.screens.welcome import Welcome as Welcome
    from taskdash.ui.widgets.filter_box import FilterBox as FilterBox
    from taskdash.ui.widgets.passing import AwayLine as AwayLine
    from taskdash.ui.widgets.passing import DownloadBar as DownloadBar
    from taskdash.ui.widgets.passing import Tour as Tour
    from taskdash.ui.widgets.preview import Preview as Preview

_NAMES: Final = {
    "announce": "ExpiringResults FinishedTasks",
    "checking": "Checking",
    "copying": "Copying deliver",
    "downloads": "BackgroundDownloads",
    "own_themes": "known_themes load_theme load_themes refuse_unknown",
    "own_views": "OwnViews",
    "review_list": "read_results",
    "screens.add_ids": "AddIds",
    "screens.batches": "Batches read_batches",
    "screens.choose_columns": "ChooseColumns",
    "screens.failures": "Failures read_failures",
    "screens.help": "Help",
    "screens.inspect": "Messages RawJson Statistics Status",
    "screens.palette": "ActionProvider Palette ThemeProvider",
    "screens.questions": "ChooseLink ChooseSort Confirm CopyMenu EditLabel",
    "screens.review": "Review",
    "screens.welcome": "Waiting Welcome",
    "widgets.filter_box": "FilterBox",
    "widgets.passing": "AwayLine DownloadBar Tour",
    "widgets.preview": "Preview",
}
"""The names in each module."""
_MODULES: Final = {name: module for module, names in _NAMES.items() for name in names.split()}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(name)
        return getattr(import_module(f"taskdash.ui.{_MODULES[name]}"), name)
