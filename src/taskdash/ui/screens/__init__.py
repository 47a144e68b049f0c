"""Lists the screens and dialogs; those that the first frame does without are imported on first access."""

from typing import TYPE_CHECKING

from taskdash.ui import imports_late

if TYPE_CHECKING:
    from taskdash.ui.screens import add_ids, groups, help, inspect, palette, questions, review, welcome
else:
    __getattr__ = imports_late(__name__)
