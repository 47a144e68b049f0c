"""Shows the dashboard; the only place that imports textual and rich.

What its first frame does without is imported on first access, as in `ui.copying.deliver` or `screens.help.Help`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdash.ui import acts, background, copying, own_themes, review_list
else:

    def __getattr__(name: str) -> object:
        try:
            return import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            raise AttributeError(name) from error
