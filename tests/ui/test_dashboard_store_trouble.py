"""A list that is locked, damaged or cannot be written: said, waited for, and never the end of the dashboard."""

from __future__ import annotations

import asyncio

import pytest
from tests.ui.driven_dashboard import Dash, add, uuid

from taskdash.domain.errors import StoreError
from taskdash.store.store import Store
from taskdash.ui import following
from taskdash.ui.context import Context


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PATIENCE_S", 0.05)


async def test_a_list_that_cannot_be_read_is_told_and_read_again(
    desk: Context, other: Store, monkeypatch: pytest.MonkeyPatch, dash: Dash
) -> None:
    real, fails = desk.store.run, True

    async def unreadable(work: object) -> object:
        if fails:
            raise StoreError("the store cannot be read")
        return await real(work)  # type: ignore[arg-type] # handed on as it came

    monkeypatch.setattr(desk.store, "run", unreadable)
    add(other, uuid(5))
    await dash.until_shown("The store cannot be read. Showing the list as last read")
    for key in ("r", "R", "x", "z", "t", "F", "J", "y", "A"):
        await dash.press(key)
        if dash.dialog is not None:
            await dash.press("escape")
    fails = False
    await dash.until_total(4)
    await dash.until_gone("cannot be read. The list")


@pytest.mark.dashboard(tasks=0)
async def test_enter_twice_takes_nothing_but_the_dialog_away(dash: Dash) -> None:
    await dash.paste(uuid(1), shown="Found 1 new")
    await dash.press("enter", "enter", "enter", total=1)
    await asyncio.sleep(0)
    assert dash.dialog is None
