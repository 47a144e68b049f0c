"""A list that is locked, damaged or cannot be written: said, waited for, and never the end of the dashboard."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from pathlib import Path

import pytest
from tests.ui.driven_dashboard import Dash, add, driven, uuid

from taskdash.domain.errors import StoreError
from taskdash.store.store import Store
from taskdash.ui import following
from taskdash.ui.context import Context


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PATIENCE_S", 0.05)
    monkeypatch.setattr(following, "RETRY_S", 0.05)


async def test_while_the_list_is_locked_a_banner_says_so_and_keys_go_on(
    desk: Context, other: Store, dash: Dash
) -> None:
    other.connection.execute("BEGIN EXCLUSIVE")
    desk.store.change_hint._seen = None
    await dash.until_shown("Another program has locked the list")
    await dash.press("r", "?", dialog="Help")
    await dash.press("escape", dialog=None)
    other.connection.execute("ROLLBACK")
    await dash.until_gone("Another program has locked the list")


async def test_ids_that_could_not_be_added_stand_in_the_dialog_again(
    desk: Context, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driven(desk) as dash:
        real = desk.store.submit

        def full(_: object) -> Future[object]:
            failed: Future[object] = Future()
            failed.set_exception(StoreError("the disk is full"))
            return failed

        await dash.paste(f"{uuid(1)} {uuid(2)}", shown="Found 2 new")
        monkeypatch.setattr(desk.store, "submit", full)
        await dash.press("enter", said="Not added: the disk is full.", shown="Found 2 new")
        monkeypatch.setattr(desk.store, "submit", real)
        await dash.press("enter", total=2)
        assert {task.task_id for task in dash.table.window.rows} == {uuid(1), uuid(2)}
    assert other.additions.listed("aigptimage", [uuid(1), uuid(2)]) == {uuid(1), uuid(2)}


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


@pytest.mark.dashboard(size=(160, 36))
async def test_what_befell_the_file_stands_in_the_banner_until_it_was_read(
    store_path: Path, dash: Dash
) -> None:
    await asyncio.to_thread(store_path.unlink)
    await dash.until_shown("was deleted or moved away")
    await dash.until_said("The store was deleted or moved away: a new list begins in tasks.db")
    assert await asyncio.to_thread(store_path.exists)
    await dash.press("escape")
    await dash.until(lambda: not dash.main.headlines.banner.display, "no banner")
    await dash.until_total(0)


@pytest.mark.dashboard(tasks=0)
async def test_enter_twice_takes_nothing_but_the_dialog_away(dash: Dash) -> None:
    await dash.paste(uuid(1), shown="Found 1 new")
    await dash.press("enter", "enter", "enter", total=1)
    await asyncio.sleep(0)
    assert dash.dialog is None
