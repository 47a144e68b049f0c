"""Lists the widgets; those that the first frame does without are imported on first access."""

from typing import TYPE_CHECKING

from taskdash.ui import imports_late

if TYPE_CHECKING:
    from taskdash.ui.widgets import filter_box, passing, preview
else:
    __getattr__ = imports_late(__name__)
