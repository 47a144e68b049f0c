"""Lists the screens and dialogs; those that the first frame does without are imported on first access."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdash.ui.screens import add_ids, groups, help, inspect, palette, questions, review, welcome
else:

    def __getattr__(name: str) -> object:
        try:
            return import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            raise AttributeError(name) from error
