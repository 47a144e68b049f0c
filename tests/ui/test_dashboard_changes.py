"""What others change while one reads: the flash, new tasks above, marks that a filter hides, labels of many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers import fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import NOW_MS, add, answer, answer_all, driven, uuid
from textual import events
from textual.geometry import Region
from textual.widgets import Input

from taskdash.domain.query import Query
from taskdash.ui.widgets import task_table

if TYPE_CHECKING:
    from tests.ui.driven_dashboard import DrivenDashboard, FrozenClock

    from taskdash.store.store import Store
    from taskdash.ui.context import Context

MANY = [uuid(n) for n in range(100)]


def flashing(dash: DrivenDashboard) -> list[str]:
    """The lines that are drawn apart, by their sign, each with the ID of its task."""
    rows = zip(dash.table_lines, dash.shown_ids, strict=False)
    return [f"{line} {task_id}" for line, task_id in rows if "»" in line[:2]]


def footer(dash: DrivenDashboard) -> str:
    return str(dash.main.query_one("#keys").render())


async def until_footer(dash: DrivenDashboard, text: str) -> None:
    await dash.until(lambda: text in footer(dash), f"{text!r} in the footer: {footer(dash)}")


@pytest.fixture
def lasting_flash(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flash that is still there when it is looked at."""
    monkeypatch.setattr(task_table, "FLASH_S", 1_000.0)


@pytest.fixture
def short_flash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_table, "FLASH_S", 0.02)


# The flash


@pytest.mark.usefixtures("lasting_flash")
async def test_a_row_that_others_change_is_drawn_apart_with_a_sign(desk: Context, other: Store) -> None:
    add(other, *MANY[:4])
    async with driven(desk, total=4) as dash:
        plain = dash.table.render_lines(Region(0, 2, dash.table.size.width, 1))[0]
        answer(other, MANY[2], waiting_body(MANY[2]))
        await dash.until(lambda: len(flashing(dash)) == 1, "one row flashing")
        assert MANY[2][:8] in flashing(dash)[0]
        assert "waiting" in flashing(dash)[0]
        flash = dash.table.render_lines(Region(0, 2, dash.table.size.width, 1))[0]
        assert [segment.style and segment.style.bgcolor for segment in plain][-1] != [
            segment.style and segment.style.bgcolor for segment in flash
        ][-1]


@pytest.mark.usefixtures("short_flash")
async def test_a_flash_is_over_soon(desk: Context, other: Store) -> None:
    add(other, *MANY[:4])
    async with driven(desk, total=4) as dash:
        answer(other, MANY[2], waiting_body(MANY[2]))
        await dash.until_shown("◐ waiting")
        await dash.until(lambda: flashing(dash) == [], "no row flashing")
        assert dash.table.flashing == set()


@pytest.mark.usefixtures("lasting_flash")
async def test_the_cursors_row_and_a_marked_one_keep_their_own_signs(desk: Context, other: Store) -> None:
    add(other, *MANY[:4])
    async with driven(desk, total=4) as dash:
        await dash.press("j", "space", "g")
        await dash.until_cursor(MANY[0])
        answer_all(other, {MANY[n]: waiting_body(MANY[n]) for n in range(2)})
        await dash.until(lambda: len(flashing(dash)) == 2, "two rows flashing")
        assert [line[:2] for line in dash.table_lines[:3]] == ["▌»", "»•", "  "]


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


@pytest.mark.usefixtures("lasting_flash")
async def test_ones_own_edit_does_not_flash(desk: Context, other: Store) -> None:
    add(other, *MANY[:4])
    async with driven(desk, total=4) as dash:
        await dash.press("e")
        await dash.until_dialog("EditLabel")
        await dash.press(*"hero", "enter")
        await dash.until_dialog(None)
        await dash.until_said("Saved")
        await dash.until(lambda: "hero" in dash.table_lines[0], "the label in the row")
        assert flashing(dash) == []


@pytest.mark.usefixtures("lasting_flash")
async def test_another_order_or_tab_does_not_flash(desk: Context, other: Store) -> None:
    add(other, *MANY[:4])
    answer(other, MANY[3], waiting_body(MANY[3]))
    async with driven(desk, total=4) as dash:
        await dash.press("]", "]")
        await dash.until_total(1)
        await dash.press("[", "[", "S")
        await dash.until_total(4)
        await dash.until(lambda: dash.shown_ids[0] == MANY[3], "the other way round")
        assert flashing(dash) == []


@pytest.mark.usefixtures("lasting_flash")
async def test_without_animations_nothing_flashes(desk: Context, other: Store) -> None:
    add(other, *MANY[:4])
    async with driven(desk, total=4) as dash:
        dash.app.animation_level = "none"
        answer(other, MANY[2], waiting_body(MANY[2]))
        await dash.until_shown("◐ waiting")
        assert flashing(dash) == []


# New tasks off the screen


async def test_new_tasks_above_are_counted_and_g_goes_there(desk: Context, other: Store) -> None:
    add(other, *MANY[:60])
    async with driven(desk, total=60) as dash:
        await dash.press("G")
        await dash.until_cursor(MANY[59])
        line = dash.cursor_line
        add(other, *MANY[60:63])
        await until_footer(dash, "↑ 3 new: g")
        assert (dash.cursor, dash.cursor_line) == (MANY[59], line)
        add(other, MANY[63])
        await dash.until_total(64)
        await until_footer(dash, "↑ 4 new: g")
        await dash.press("g")
        await dash.until_cursor(MANY[63])
        await dash.until(lambda: "new:" not in footer(dash), "no more news")
        await dash.press("G")
        await dash.until_cursor(MANY[59])
        await dash.reload()
        await dash.settle()
        assert "new:" not in footer(dash)


async def test_a_reader_at_the_head_is_told_of_no_news(desk: Context, other: Store) -> None:
    add(other, *MANY[:5])
    async with driven(desk, total=5) as dash:
        add(other, *MANY[60:63])
        await dash.until_total(8)
        await dash.settle()
        assert "new:" not in footer(dash)


async def test_new_tasks_that_the_filter_hides_are_no_news(desk: Context, other: Store) -> None:
    add(other, *MANY[:60], label="sea")
    async with driven(desk, total=60) as dash:
        await dash.press("/", *"sea", "enter")
        await dash.until(lambda: dash.main.filter_box.text == "sea", "the filter")
        await dash.until(lambda: dash.table.has_focus, "back at the list")
        await dash.press("G")
        await dash.until_cursor(MANY[59])
        add(other, MANY[70], label="fox")
        add(other, MANY[71], MANY[72], label="sea")
        await until_footer(dash, "↑ 2 new: g")


async def test_in_the_reverse_order_new_tasks_come_in_below(desk: Context, other: Store) -> None:
    add(other, *MANY[:60])
    async with driven(desk, total=60) as dash:
        await dash.press("S")
        await dash.until_query(dash.table.wanted)
        await dash.press("g")
        await dash.until_cursor(MANY[59])
        add(other, *MANY[60:62])
        await dash.until_total(62)
        await until_footer(dash, "↓ 2 new: G")
        await dash.press("G")
        await dash.until(lambda: "new:" not in footer(dash), "no more news")


# Marks out of sight


async def test_the_footer_counts_the_marks_and_those_that_are_hidden(desk: Context, other: Store) -> None:
    add(other, *MANY[:5])
    answer(other, MANY[1], fail_body(MANY[1]))
    async with driven(desk, total=5) as dash:
        await dash.press("space", "space", "space")
        await until_footer(dash, "3 tasks marked")
        assert "hidden" not in footer(dash)
        await dash.press("[")
        await dash.until_total(1)
        await until_footer(dash, "3 tasks marked, 2 of them hidden")
        await dash.press("]")
        await dash.until_total(5)
        await dash.until(lambda: "hidden" not in footer(dash), "none hidden")
        assert dash.marked_lines == [0, 1, 2]
        await dash.press("/", *f"id:{MANY[4]}")
        await dash.until_total(1)
        await until_footer(dash, "3 tasks marked, 3 of them hidden")


async def test_a_narrow_footer_names_what_can_be_done_with_marks(desk: Context, other: Store) -> None:
    add(other, *MANY[:5])
    async with driven(desk, (80, 24), total=5) as dash:
        assert "a add  / filter  o open  d download" in footer(dash)
        await dash.press("A")
        await until_footer(dash, "5 tasks marked  d download  c copy  x remove  Esc unmark")
        assert "add" not in footer(dash)
        await dash.press("escape")
        await until_footer(dash, "a add")


async def test_hidden_marks_are_acted_on_with_one_line(desk: Context, other: Store) -> None:
    add(other, *MANY[:5])
    answer(other, MANY[1], fail_body(MANY[1]))
    async with driven(desk, total=5) as dash:
        await dash.press("A", "[")
        await dash.until_total(1)
        await dash.press("x")
        await dash.until_dialog("Confirm")
        await dash.until_shown("Remove 5 tasks")
        await dash.press("y")
        await dash.until_said("Removed 5 tasks")
        await dash.until_total(0)
        assert "marked" not in footer(dash)
        await dash.press("z")
        await dash.until_said("Brought back 5 tasks")


# Labels and notes


async def test_what_is_typed_at_once_goes_to_the_box_it_is_meant_for(desk: Context, other: Store) -> None:
    add(other, MANY[0])
    async with driven(desk, total=1) as dash:
        await dash.press("e")
        await dash.until_dialog("EditLabel")
        await dash.until(lambda: isinstance(dash.app.focused, Input), "the box")
        for key, char in (*((char, char) for char in "hero"), ("tab", "\t"), ("n", "n"), ("enter", "\r")):
            dash.app.post_message(events.Key(key, char))
        await dash.until_said("Saved")
        (task,) = other.tasks.rows(Query(None), NOW_MS)
        assert (task.label, task.note) == ("hero", "n")


async def test_labels_that_differ_are_kept_unless_something_is_typed(desk: Context, other: Store) -> None:
    add(other, MANY[0], label="sea")
    add(other, MANY[1], label="fox")
    async with driven(desk, total=2) as dash:
        await dash.press("A", "e")
        await dash.until_dialog("EditLabel")
        label, note = dash.app.screen.query(Input)
        assert "differ" in label.placeholder
        assert "differ" not in note.placeholder
        await dash.press("tab")
        await dash.press(*"mine", "enter")
        await dash.until_said("Saved label and note of 2 tasks")
        tasks = other.tasks.rows(Query(None), NOW_MS)
        assert [(task.label, task.note) for task in tasks] == [("fox", "mine"), ("sea", "mine")]
        await dash.press("e")
        await dash.until_dialog("EditLabel")
        assert [box.value for box in dash.app.screen.query(Input)] == ["", "mine"]
        # Typed ahead, too, it is the last edit that is taken back.
        await dash.press("-", "enter", "z")
        await dash.until_said("Set back label and note of 2 tasks")
        assert [(task.label, task.note) for task in other.tasks.rows(Query(None), NOW_MS)] == [
            ("fox", "mine"),
            ("sea", "mine"),
        ]


def labels(store: Store) -> list[str | None]:
    return [task.label for task in store.tasks.rows(Query(None), NOW_MS)]


async def test_an_emptied_label_that_all_share_is_taken_away(desk: Context, other: Store) -> None:
    add(other, *MANY[:3], label="sea")
    answer(other, MANY[0], success_body(MANY[0]))
    async with driven(desk, total=3) as dash:
        await dash.press("A", "e")
        await dash.until_dialog("EditLabel")
        assert dash.app.screen.query(Input).first().value == "sea"
        await dash.press("backspace", "backspace", "backspace", "enter")
        await dash.until(lambda: labels(other) == [None, None, None], "the labels taken away")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [(("x",), ("seax", "theirs")), (("tab", "y"), ("also theirs", "y")), ((), ("also theirs", "theirs"))],
)
async def test_an_edit_writes_what_was_typed_and_nothing_else(
    desk: Context, other: Store, typed: tuple[str, ...], expected: tuple[str, str]
) -> None:
    add(other, MANY[0], label="sea")
    async with driven(desk, total=1) as dash:
        await dash.press("e")
        await dash.until_dialog("EditLabel")
        (seq,) = other.tasks.seqs(Query(None), NOW_MS)
        other.tasks.edit([seq], label=None if "x" in typed else "also theirs", note="theirs")
        await dash.press(*typed, "enter")
        await dash.until_said("Saved" if typed else "Nothing was changed")
        (task,) = other.tasks.rows(Query(None), NOW_MS)
        assert (task.label, task.note) == expected


async def test_what_was_edited_again_since_is_not_set_back_and_that_is_said(
    desk: Context, other: Store
) -> None:
    add(other, *MANY[:3], label="sea")
    async with driven(desk, total=3) as dash:
        for key in ("A", "e"):
            await dash.press(key)
        await dash.until_dialog("EditLabel")
        await dash.press("x", "enter")
        await dash.until_said("Saved")
        seqs = other.tasks.seqs(Query(None), NOW_MS)
        other.tasks.edit(seqs[:1], label="theirs", note=None)
        other.tasks.edit(seqs[1:2], label=None, note="theirs")
        await dash.press("z")
        await dash.until_said("Set back label and note of 2 tasks. 1 was changed again since and stays so.")
        tasks = other.tasks.rows(Query(None), NOW_MS)
        assert [(task.label, task.note) for task in tasks] == [
            ("theirs", None),
            ("sea", "theirs"),
            ("sea", None),
        ]


async def test_z_says_what_it_could_not_bring_back(desk: Context, other: Store, clock: FrozenClock) -> None:
    add(other, *MANY[:3], label="sea")
    async with driven(desk, total=3) as dash:
        await dash.press("space", "space", "x")
        await dash.until_dialog("Confirm")
        await dash.press("y")
        await dash.until_total(1)
        add(other, MANY[1], label="again")
        await dash.until_total(2)
        await dash.press("z")
        await dash.until_said("Brought back 1 task. 1 had been added again: what was known of it is kept.")
        await dash.until_total(3)
        await dash.until(lambda: len(dash.marked_lines) == 2, "both marked again")
        task = other.tasks.find("aigptimage", MANY[1])
        assert (task.label, task.note) == ("again", "label: sea")
        await dash.press("escape", "x")
        await dash.until_dialog("Confirm")
        await dash.press("y")
        await dash.until_total(2)
        other.tasks.remove([], clock.at_ms + 2 * 86_400_000)
        await dash.press("z")
        await dash.until_said("Nothing to bring back: what was removed is kept for a day.")
