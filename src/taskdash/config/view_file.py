"""The look of the dashboard: `[view]` of the config, and what `view.toml` remembers over it.

`view.toml` has what the user changed in the dashboard, under the names that `[view]` has. Nothing in it
can stop the program: what is wrong in it is left out, and said.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from taskdash.config.config_file import toml_values
from taskdash.config.private_files import make_private_dir, replace_private_file
from taskdash.config.settings import COLUMN_NAMES, DETAIL_POSITIONS, DRAWINGS, View
from taskdash.config.table import TomlTable
from taskdash.config.wording import one_of, shown, suggestion
from taskdash.domain.untrusted import inert_line
from taskdash.domain.values import value

if TYPE_CHECKING:
    from pathlib import Path

VIEW_KEYS: Final = tuple(field.name for field in fields(View))
MAX_VIEW_BYTES: Final = 65_536


@value(frozen=True, slots=True)
class LoadedView:
    """The look in force, and what to tell the user of the file."""

    view: View
    warning: str | None = None


def read_view(table: TomlTable, first: View, theme_names: Collection[str] | None = None) -> View:
    """Read the keys of `[view]`, or of the top of `view.toml`; what is missing or wrong is as in `first`."""
    return View(
        columns=table.words("columns", COLUMN_NAMES, first.columns),
        widths=_widths(table) if table.has("widths") else first.widths,
        sort=_sort(table, first.sort),
        detail=table.choice("detail", first.detail, DETAIL_POSITIONS),
        detail_percent=table.whole("detail_percent", first.detail_percent, 10, 90),
        theme=_theme(table, first.theme, theme_names),
        preview=table.flag("preview", first.preview),
        preview_as=table.choice("preview_as", first.preview_as, DRAWINGS),
    )


def load_view(path: Path, first: View, theme_names: Collection[str] | None = None) -> LoadedView:
    """Read `view.toml` over `first`, the values of `[view]`.

    Args:
        path: the file; missing is as good as empty.
        first: what counts where the file has nothing.
        theme_names: those there are; None takes any.
    """
    shown_path = inert_line(str(path))
    try:
        data = _read_regular_file(path)
        values = toml_values(data) if len(data) <= MAX_VIEW_BYTES else None
    except FileNotFoundError:
        return LoadedView(first)
    except OSError as error:
        return LoadedView(
            first, f"{shown_path} is not used: {inert_line(error.strerror or 'it cannot be read')}"
        )
    except ValueError as error:
        return LoadedView(first, f"{shown_path} is not used: {error}")
    if values is None:
        return LoadedView(first, f"{shown_path} is not used: it is larger than 64 KiB")
    problems: list[str] = []
    view = read_view(TomlTable(values, problems), first, theme_names)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return LoadedView(view, f"{shown_path}, partly not used: {problems[0]}{more}" if problems else None)


def save_view(path: Path, view: View, first: View) -> str | None:
    """Remember where `view` differs from `first`, the values of `[view]`, in one step.

    Returns:
        Why it could not be remembered, for the user; None when it was.
    """
    import tomli_w

    try:
        warning = make_private_dir(path.parent)
        replace_private_file(path, tomli_w.dumps(changed(view, first)).encode())
    except OSError as error:
        reason = inert_line(error.strerror or "unknown reason")
        return f"{inert_line(str(path))}: the look cannot be remembered: {reason}"
    return warning


def changed(view: View, first: View) -> dict[str, object]:
    """The values of `view` that `first` has not, as TOML takes them."""
    return {
        name: _plain(getattr(view, name)) for name in VIEW_KEYS if getattr(view, name) != getattr(first, name)
    }


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _read_regular_file(path: Path) -> bytes:
    # O_NONBLOCK: opening a pipe in its place would wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - it is opened by its number: the flags are not open()'s
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no regular file")
        return file.read(MAX_VIEW_BYTES + 1)


def _widths(table: TomlTable) -> dict[str, int]:
    widths = table.table("widths")
    widths.reject_unknown(COLUMN_NAMES)
    read = {name: widths.whole(name, None, 3, 200) for name in widths.names() if name in COLUMN_NAMES}
    return {name: width for name, width in read.items() if width is not None}


def _sort(table: TomlTable, default: str) -> str:
    if not table.has("sort"):
        return default
    from taskdash.domain.query import SortKey

    names = tuple(key.value for key in SortKey)

    def check(value: str) -> str | None:
        if value.removeprefix("-") in names:
            return None
        near = suggestion(value.removeprefix("-"), names)
        return f"{shown(value)} is not allowed, use {one_of(names)}, or a - before it.{near}"

    return table.text("sort", default, check)


def _theme(table: TomlTable, default: str, theme_names: Collection[str] | None) -> str:
    if theme_names is not None:
        return table.choice("theme", default, theme_names)
    return table.text("theme", default, lambda value: None if value.strip() else "must name a theme")
