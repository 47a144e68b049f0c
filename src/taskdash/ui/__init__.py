"""Shows the dashboard; the only place that imports textual and rich.

What its first frame does without is imported on first access, as in `ui.copying.deliver` or `screens.help.Help`.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING


def imports_late(package: str) -> Callable[[str], object]:
    """Return the `__getattr__` of a package whose modules are imported on first access."""

    def load(name: str) -> object:
        try:
            return import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            raise AttributeError(name) from error

    return load


if TYPE_CHECKING:
    from taskdash.ui import acts, background, copying, own_themes, review_list
else:
    __getattr__ = imports_late(__name__)
