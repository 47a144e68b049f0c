"""The detail is that of the task at the cursor, whatever was typed into the filter, and however fast."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bodies import success_body
from tests.ui.driven_dashboard import Dash, FrozenClock, add, answer_all, context_on, driven, uuid

from taskdash.store.store import Store

WORDS: Final = ("cat", "cot", "dog", "dig", "state:fail", "-", "!cat", '"a dog"')
GAPS_S: Final = (0.0, 0.0, 0.001, 0.01, 0.03, 0.1, 0.2)
"""Between two keys: as a terminal hands over what was typed ahead, as one types, as one hesitates."""
KEYS: Final = st.one_of(
    st.sampled_from([*"catodig !:", *["backspace"] * 6]).map(lambda key: [key]),
    st.sampled_from(WORDS).map(list),
)
AFTER: Final = st.lists(st.sampled_from(["j", "k", "G", "g", "right", "left", "v", "pagedown"]), max_size=3)
TYPED: Final = st.lists(
    st.tuples(st.lists(KEYS, min_size=1, max_size=5), st.sampled_from(["enter", "escape", "tab", ""]), AFTER),
    min_size=1,
    max_size=2,
)
numbers = itertools.count()


def fill(path: Path) -> None:
    """Forty finished tasks of which each word of the filters finds some."""
    with Store(path) as store:
        for n in range(40):
            add(store, uuid(n), label=("a cat", "a cot for a cat", "a dog", "to dig", "none of them")[n % 5])
        answer_all(store, {uuid(n): success_body(uuid(n)) for n in range(40)})


async def follows(dash: Dash, what: str) -> None:
    """Wait until the detail is the cursor's, or empty with the list; then nothing changes that any more."""

    def is_so() -> bool:
        if not dash.main.pane.display:
            return True
        return (dash.cursor or "") in dash.pane if dash.cursor else dash.pane == ""

    await dash.until(is_so, f"after {what} the detail is that of {dash.cursor}, it is {dash.pane!r}")
    await dash.settle()
    assert is_so(), what


@settings(max_examples=4)
@given(typed=TYPED, gaps_s=st.lists(st.sampled_from(GAPS_S), min_size=4, max_size=4))
def test_the_detail_follows_the_cursor_at_any_speed(
    tmp_path: Path,
    nothing_is_parsed: None,  # noqa: ARG001 - it watches whatever is shown
    typed: list[tuple[list[list[str]], str, list[str]]],
    gaps_s: list[float],
) -> None:
    path = tmp_path / f"{next(numbers)}.db"
    fill(path)

    async def type_it() -> None:
        desk = context_on(path, FrozenClock())
        pauses_s = itertools.cycle(gaps_s)
        try:
            async with driven(desk, (120, 36), total=40) as dash:
                for words, end, after in typed:
                    at_once: list[str] = []
                    for key in ["/", *(key for word in words for key in word), *[end] * bool(end), *after]:
                        at_once.append(key)
                        if pause_s := next(pauses_s):
                            await dash.press(*at_once)
                            at_once = []
                            await asyncio.sleep(pause_s)
                    await dash.press(*at_once)
                    await follows(dash, f"{words} {end} {after}")
        finally:
            await asyncio.to_thread(desk.close)

    asyncio.run(type_it())
