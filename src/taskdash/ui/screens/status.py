"""The status view: who watches, with what budget, where, and what is wrong; what the line on top has no room for."""

from __future__ import annotations

import os
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from taskdash.domain.untrusted import inert_line
from taskdash.ui.screens.dialog import FittedText, TextDialog
from taskdash.ui.text.top_line import other_row, status_rows

if TYPE_CHECKING:
    from taskdash.ui.context import Context


class Status(TextDialog):
    """Names and values, kept up to date while it is open."""

    def __init__(self, context: Context, last_check_ms: int | None) -> None:
        self.context = context
        self._last_check_ms = last_check_ms
        self._text = FittedText(self._rows)
        super().__init__("Status", "Esc closes", self._text)

    def on_mount(self) -> None:
        self.set_interval(1.0, lambda: self._text.refresh(layout=True))

    def _rows(self, width: int) -> Content:
        context, status = self.context, self.context.watcher.status
        rows = status_rows(
            status, context.key_advice, self._last_check_ms, context.clock.now_ms(), os.getpid()
        )
        where = [
            ("Profile", context.profile),
            ("Gateway", context.settings.in_use.base_url),
            *((f"Also {name}", other_row(each.watcher.status)) for name, each in context.others.items()),
            ("List", inert_line(str(context.store.path))),
        ]
        cells = max(len(name) for name, _ in (*rows, *where)) + 2
        lines = []
        for name, value in (*where[:2], *rows, *where[2:]):
            style = "$text-warning" if name == "Trouble" else ""
            for n, line in enumerate(wrap(value, max(8, width - cells))):
                head = f"{'' if n else name:<{cells}}"
                lines.append(Content.assemble((head, "$text-muted"), (line, style)))
        return Content("\n").join(lines)
