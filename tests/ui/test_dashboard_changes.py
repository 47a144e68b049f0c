"""What others change while one reads: the flash, new tasks above, marks that a filter hides, labels of many."""

from __future__ import annotations

import pytest
from tests.servers import fail_body, waiting_body
from tests.ui.driven_dashboard import NOW_MS, Dash, FrozenClock, add, answer, answer_all, driven, uuid
from textual.geometry import Region
from textual.widgets import Input

from taskdash.domain.query import Query
from taskdash.store.store import Store
from taskdash.ui.context import Context
from taskdash.ui.widgets import task_table

MANY = [uuid(n) for n in range(100)]


def flashing(dash: Dash) -> list[str]:
    """The lines that are drawn apart, by their sign, each with the ID of its task."""
    rows = zip(dash.table_lines, dash.shown_ids, strict=False)
    return [f"{line} {task_id}" for line, task_id in rows if "»" in line[:2]]


def footer(dash: Dash) -> str:
    return str(dash.main.query_one("#keys").render())


async def until_footer(dash: Dash, text: str) -> None:
    await dash.until(lambda: text in footer(dash), f"{text!r} in the footer: {footer(dash)}")


@pytest.fixture
def lasting_flash(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flash that is still there when it is looked at."""
    monkeypatch.setattr(task_table, "FLASH_S", 1_000.0)


# The flash


@pytest.mark.dashboard(tasks=4)
@pytest.mark.usefixtures("lasting_flash")
async def test_a_row_that_others_change_is_drawn_apart_with_a_sign(other: Store, dash: Dash) -> None:
    def ground() -> object:
        *_, last = dash.table.render_lines(Region(0, 2, dash.table.size.width, 1))[0]
        return last.style and last.style.bgcolor

    plain = ground()
    answer(other, MANY[2], waiting_body(MANY[2]))
    await dash.until(lambda: len(flashing(dash)) == 1, "one row flashing")
    assert MANY[2][:8] in flashing(dash)[0]
    assert "waiting" in flashing(dash)[0]
    assert ground() != plain
    # The cursor's row and a marked one keep their own signs.
    await dash.press("j", "space", "g", cursor=MANY[0])
    answer_all(other, {MANY[n]: waiting_body(MANY[n]) for n in range(2)})
    await dash.until(lambda: len(flashing(dash)) == 3, "three rows flashing")
    assert [line[:2] for line in dash.table_lines[:4]] == ["▌»", "»•", "» ", "  "]


@pytest.mark.dashboard(tasks=4)
async def test_a_flash_is_over_soon(other: Store, dash: Dash) -> None:
    answer(other, MANY[2], waiting_body(MANY[2]))
    await dash.until_shown("◐ waiting")
    await dash.until(lambda: flashing(dash) == [], "no row flashing")
    assert dash.table.flashing == set()


@pytest.mark.usefixtures("lasting_flash")
async def test_a_check_that_brings_nothing_new_does_not_flash(
    desk: Context, other: Store, clock: FrozenClock
) -> None:
    add(other, *MANY[:4])
    answer_all(other, {task_id: waiting_body(task_id) for task_id in MANY[:2]})
    async with driven(desk, total=4) as dash:
        clock.at_ms += 7_000
        answer(other, MANY[0], waiting_body(MANY[0]), now_ms=clock.at_ms)
        answer(other, MANY[1], waiting_body(MANY[1], progress=60), now_ms=clock.at_ms)
        await dash.until(lambda: len(flashing(dash)) == 1, "one row flashing")
        assert MANY[1][:8] in flashing(dash)[0]


# Marks out of sight


async def test_marks_that_are_hidden_are_counted_and_acted_on(desk: Context, other: Store) -> None:
    add(other, *MANY[:5])
    answer(other, MANY[1], fail_body(MANY[1]))
    async with driven(desk, total=5) as dash:
        await dash.press("space", "space", "space")
        await until_footer(dash, "3 tasks marked")
        assert "hidden" not in footer(dash)
        await dash.press("[", total=1)
        await until_footer(dash, "3 tasks marked, 2 of them hidden")
        await dash.press("]", total=5)
        await dash.until(lambda: "hidden" not in footer(dash), "none hidden")
        assert dash.marked_lines == [0, 1, 2]
        await dash.press("/", *f"id:{MANY[4]}", "enter", total=1)
        await until_footer(dash, "3 tasks marked, 3 of them hidden")
        await dash.until(lambda: dash.table.has_focus, "back at the list")
        await dash.press("x", dialog="Confirm", shown="Remove 3 tasks")
        await dash.press("y", said="Removed 3 tasks")
        assert "marked" not in footer(dash)
        await dash.press("z", said="Restored 3 tasks")


# Labels and notes


async def test_labels_that_differ_are_kept_unless_something_is_typed(desk: Context, other: Store) -> None:
    add(other, MANY[0], label="sea")
    add(other, MANY[1], label="fox")
    async with driven(desk, total=2) as dash:
        await dash.press("A", "e", dialog="EditLabel")
        label, note = dash.app.screen.query(Input)
        assert "differ" in label.placeholder
        assert "differ" not in note.placeholder
        await dash.press("tab")
        await dash.press(*"mine", "enter", said="Saved label and note of 2 tasks")
        assert labelled(other) == [("fox", "mine"), ("sea", "mine")]
        await dash.press("e", dialog="EditLabel")
        assert [box.value for box in dash.app.screen.query(Input)] == ["", "mine"]
        # Typed ahead, too, it is the last edit that is taken back.
        await dash.press("-", "enter", "z", said="Restored label and note of 2 tasks")
        assert labelled(other) == [("fox", "mine"), ("sea", "mine")]


def labelled(store: Store) -> list[tuple[str | None, str | None]]:
    return [(task.label, task.note) for task in store.tasks.rows(Query(None), NOW_MS)]


async def test_an_edit_writes_what_was_typed_and_nothing_else(desk: Context, other: Store) -> None:
    add(other, MANY[0], label="sea")
    (seq,) = other.tasks.seqs(Query(None), NOW_MS)
    async with driven(desk, total=1) as dash:
        for number, (typed, theirs, expected) in enumerate(
            (
                (("x",), (None, "theirs"), ("seax", "theirs")),
                (("tab", "y"), ("also theirs", "theirs"), ("also theirs", "theirsy")),
                ((), ("theirs again", "theirs"), ("theirs again", "theirs")),
            ),
            1,
        ):
            await dash.press("e", dialog="EditLabel")
            other.edits.edit([seq], label=theirs[0], note=theirs[1])
            await dash.press(*typed, "enter", said_times=number)
            assert dash.said[-1].startswith("Saved" if typed else "Nothing changed")
            assert labelled(other) == [expected]
            await dash.reload()


async def test_z_says_what_it_could_not_bring_back(desk: Context, other: Store, clock: FrozenClock) -> None:
    add(other, *MANY[:3], label="sea")
    async with driven(desk, total=3) as dash:
        await dash.press("space", "space", "x", dialog="Confirm")
        await dash.press("y", total=1)
        add(other, MANY[1], label="again")
        await dash.until_total(2)
        await dash.press("z")
        await dash.until_said("Restored 1 task. 1 had been added again; its data was merged.")
        await dash.until_total(3)
        await dash.until(lambda: len(dash.marked_lines) == 2, "both marked again")
        task = other.tasks.find("aigptimage", MANY[1])
        assert (task.label, task.note) == ("again", "label: sea")
        await dash.press("escape", "x", dialog="Confirm")
        await dash.press("y", total=2)
        other.edits.remove([], clock.at_ms + 2 * 86_400_000)
        await dash.press("z", said="Nothing to restore: removed tasks are kept for a day.")
