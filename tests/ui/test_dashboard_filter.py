"""The filter box: results as one types, the error under it, Esc brings back what was before."""

from __future__ import annotations

import json

import pytest
from tests.servers import fail_body, waiting_body
from tests.ui.driven_dashboard import Dash, FakeWatcher, add, add_answered, answer, driven, uuid

from taskdash.store.store import Store
from taskdash.ui.context import Context

SEA, FOX = [uuid(n) for n in range(3)], [uuid(n) for n in range(3, 5)]


@pytest.fixture
def listed(other: Store) -> int:
    """Three tasks of the sea, one of them failed, above two of foxes."""
    add(other, *FOX, label="fox")
    add(other, *SEA, label="sea")
    answer(other, SEA[1], fail_body(SEA[1]))
    return 5


async def test_rows_and_tabs_follow_as_one_types_and_esc_restores(dash: Dash) -> None:
    await dash.press("/", *"fo", total=2, tab="[All 2]")
    # The status line counts the whole list.
    await dash.until(lambda: "filtered from 5" in dash.screen, "how many there are in all")
    await dash.press("x")
    await dash.until(lambda: dash.main.filter_box.text == "fox", "the letter in the box")
    await dash.press("escape", total=5, tab="[All 5]")
    assert dash.table.has_focus
    assert not dash.main.filter_box.display


async def test_enter_keeps_the_filter_and_esc_in_the_box_brings_it_back(dash: Dash) -> None:
    await dash.press("/", *"sea", "enter", total=3, tab="× Fail 1")
    assert dash.table.has_focus
    await dash.press("/", *" nothing", total=0, shown='No tasks match "sea nothing". Esc clears the filter.')
    await dash.press("escape", total=3)
    assert dash.main.filter_box.text == "sea"
    await dash.press("escape", total=5)


async def test_what_is_found_in_a_prompt_is_seen_in_its_row_and_underlined(
    desk: Context, other: Store
) -> None:
    prompts = (
        f"A ceramic mug {'on a desk of walnut, ' * 4}{end}" for end in ("a Fox beside it", "nothing else")
    )
    params = (json.dumps({"input": {"prompt": prompt}}) for prompt in prompts)
    add_answered(other, *(waiting_body(uuid(n), param=param) for n, param in enumerate(params)))

    def underlined(dash: Dash) -> list[str]:
        rows = (dash.table.render_line(line) for line in range(2))
        return [part.text for row in rows for part in row if part.style and part.style.underline]

    async with driven(desk, (80, 24), total=2) as dash:
        await dash.press("/", *"fo", total=1)
        assert underlined(dash) == ["Fo"]
        assert "…" in dash.table_lines[0]
        await dash.press("x", total=1)
        await dash.until(lambda: underlined(dash) == ["Fox"], "what was typed since")
        await dash.press(*["backspace"] * 3, *"MUG", total=2)
        await dash.until(lambda: underlined(dash) == ["mug", "mug"], "in both rows")
        await dash.press("escape", total=2)
        await dash.until(lambda: underlined(dash) == [], "no filter")


async def test_an_error_stands_under_the_box_and_leaves_the_rows(dash: Dash) -> None:
    await dash.press("/")
    # Not letter by letter: "cost" alone is a filter.
    await dash.paste("cost:x", shown="is not a duration")
    box = next(y for y, line in enumerate(dash.lines) if "cost:x" in line)
    assert "is not a duration" in dash.lines[box + 1]
    assert dash.table.window.total == 5
    await dash.press(*["backspace"] * 6, gone="is not a duration")


async def test_a_word_that_is_only_begun_changes_no_rows_and_is_in_the_colour_of_errors(dash: Dash) -> None:
    await dash.press("/", *"sea", total=3)
    for letter in " state:fai":
        await dash.press(letter)
    await dash.until_shown("unknown state 'fai'")
    # Of the text "state", that is, no row would be left.
    await dash.until_total(3)
    line = next(strip for strip in dash.app.screen._compositor.render_strips() if "state:fai" in strip.text)
    colours = {
        segment.text: segment.style.color for segment in line if segment.style and segment.text.strip()
    }
    (wrong,) = (colour for text, colour in colours.items() if "state:fai" in text)
    (good,) = (colour for text, colour in colours.items() if "sea" in text)
    assert wrong != good
    await dash.press("l", total=1)
    await dash.press("backspace")
    await dash.until_shown("unknown state 'fai'")
    assert dash.table.window.total == 1


async def test_tab_completes_fields_and_values_and_stays_where_there_is_nothing_to_complete(
    other: Store, dash: Dash
) -> None:
    add(other, uuid(9), label="night run")
    await dash.until_total(6)
    typed = dash.main.filter_box

    async def becomes(*keys: str, text: str) -> None:
        await dash.press(*keys)
        await dash.until(lambda: typed.text == text, f"{text}, it is {typed.text}")

    await becomes("/", "s", "t", "tab", text="state:")
    await becomes("tab", text="state:new")
    await becomes("tab", "tab", text="state:success")
    await becomes("shift+tab", text="state:waiting")
    # Typed in one go with the slash: the labels are read by then.
    await becomes("escape", "/", *"!la", "tab", *"n", "tab", text='!label:"night run"')
    # Nothing is left to complete: what is typed next is still for the box.
    await becomes("tab", *" label:", "tab", "tab", text='!label:"night run" label:"night run"')
    await becomes("tab", text='!label:"night run" label:sea')


async def test_letters_typed_at_once_with_the_slash_are_text_and_no_keys(
    watcher: FakeWatcher, dash: Dash
) -> None:
    await dash.press("/", *"pRax q sea", "enter")
    await dash.until(lambda: dash.main.filter_box.text == "pRax q sea", "all of it in the box")
    await dash.until_total(0)
    assert (watcher.pauses, watcher.wakes, dash.dialog, dash.said) == ([], 0, None, [])


@pytest.mark.parametrize(("key", "dialog"), [("e", "EditLabel"), ("a", "AddIds")])
async def test_letters_typed_at_once_with_a_dialogs_key_are_text(
    watcher: FakeWatcher, key: str, dialog: str, dash: Dash
) -> None:
    before = "sea" if key == "e" else ""
    await dash.press(key, *"paqrx", dialog=dialog)
    await dash.until(lambda: dash.typed == f"{before}paqrx", "all of it in the box")
    assert (watcher.pauses, watcher.wakes) == ([], 0)
