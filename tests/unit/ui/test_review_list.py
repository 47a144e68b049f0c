"""What is reviewed: cursor and marks follow their results, whichever are shown; how results are laid out and told."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from taskdash.domain.task import State, Task, Verdict
from taskdash.results.links import Refused
from taskdash.ui.review_list import (
    CAPTION_ROWS,
    Names,
    Result,
    ReviewList,
    Showing,
    TaskCard,
    Tiles,
    caption_of,
    line_of,
    tiles_for,
    why_no_picture,
)

PICKED, REJECTED = Verdict.PICKED, Verdict.REJECTED


def results(*verdicts: Verdict | None) -> list[Result]:
    """Results of tasks with two each."""
    return [Result(at + 1, at // 2, at % 2 + 1, verdict) for at, verdict in enumerate(verdicts)]


def numbers(made: ReviewList) -> list[int]:
    return [each.number for each in made.shown]


@pytest.mark.parametrize(
    ("showing", "shown"),
    [
        (Showing.ALL, [1, 2, 3, 4]),
        (Showing.UNDECIDED, [1, 4]),
        (Showing.PICKED, [2]),
        (Showing.REJECTED, [3]),
    ],
)
def test_each_kind_shows_its_own(showing: Showing, shown: list[int]) -> None:
    made = ReviewList(results(None, PICKED, REJECTED, None))
    made.show(showing)
    assert numbers(made) == shown


def test_a_key_goes_through_the_kinds_and_the_cursor_stays_on_its_result() -> None:
    made = ReviewList(results(None, PICKED, REJECTED, None))
    made.move_to(3)
    seen = []
    for _ in range(4):
        made.show_next()
        seen.append((made.showing, made.at_cursor and made.at_cursor.number))
    assert seen == [(Showing.UNDECIDED, 4), (Showing.PICKED, 2), (Showing.REJECTED, 3), (Showing.ALL, 3)]


def test_what_is_decided_leaves_the_undecided_and_the_next_one_is_at_the_cursor() -> None:
    made = ReviewList(results(None, None, None))
    made.show(Showing.UNDECIDED)
    made.judge([(0, 1, PICKED)])
    assert (numbers(made), made.at_cursor and made.at_cursor.number) == ([2, 3], 2)
    made.judge([(0, 2, REJECTED), (1, 1, PICKED)])
    assert (numbers(made), made.at_cursor) == ([], None)
    assert made.counts == {PICKED: 2, REJECTED: 1}


def test_the_next_undecided_is_found_round_the_end_or_there_is_none() -> None:
    made = ReviewList(results(None, PICKED, None, PICKED))
    found = []
    for steps in (1, 1, -1, -1):
        assert made.go_to_undecided(steps)
        found.append(made.cursor)
    assert found == [2, 0, 2, 0]
    made.judge([(0, 1, PICKED), (1, 1, PICKED)])
    assert not made.go_to_undecided(1)
    assert not ReviewList([]).go_to_undecided(-1)


def test_marks_come_before_the_cursor_and_go_with_what_is_gone() -> None:
    made = ReviewList(results(None, None, None, None))
    assert [each.number for each in made.chosen] == [1]
    made.marked = {(1, 2), (0, 2)}
    assert [each.number for each in made.chosen] == [2, 4]
    made.follow(results(None, None))
    assert [each.number for each in made.chosen] == [2]
    made.follow([])
    assert (made.chosen, made.at_cursor) == ([], None)


def test_the_cursor_stays_on_its_result_where_others_come_before_it() -> None:
    made = ReviewList(results(None, None)[1:])
    made.follow(results(None, None))
    assert made.at_cursor == Result(2, 0, 2)
    made.follow([Result(1, 9, 1), Result(2, 9, 2)])
    assert made.at_cursor == Result(2, 9, 2), "it is gone: the cursor keeps its place"


# Tiles and lines

CELL = (10, 20)
PROMPTS = [
    f"Product photo of a mug with matte black glaze, on a {what}" for what in ("walnut desk", "red rug")
]


def task(seq: int, prompt: str | None = None, label: str | None = None) -> Task:
    return Task(
        seq=seq,
        profile="p",
        task_id=f"task_{seq}",
        added_at_ms=0,
        state=State.SUCCESS,
        model="gpt-image-2",
        prompt=prompt,
        label=label,
    )


def text(cell: Iterable[tuple[str, str]]) -> str:
    return "".join(piece for piece, _ in cell)


@pytest.mark.parametrize(
    ("size", "tiles"),
    [
        ((79, 21), Tiles(4, 19, 10)),
        ((119, 33), Tiles(6, 19, 11)),
        ((199, 57), Tiles(10, 19, 11)),
        ((30, 9), Tiles(1, 30, 1)),
        ((12, 40), Tiles(1, 12, 10)),
    ],
)
def test_as_many_as_fit_and_lines_where_not_one_does(size: tuple[int, int], tiles: Tiles) -> None:
    assert tiles_for(*size, CELL, has_pictures=True) == tiles
    assert tiles_for(*size, CELL, has_pictures=False) == Tiles(1, size[0], 1)


@given(st.integers(1, 500), st.integers(0, 200), st.sampled_from([CELL, (7, 17), (16, 16)]))
def test_tiles_never_need_more_room_than_there_is(width: int, height: int, cell: tuple[int, int]) -> None:
    tiles = tiles_for(width, height, cell, has_pictures=True)
    assert tiles.columns * tiles.width <= width
    assert tiles.height == 1 or tiles.picture[1] == tiles.height - CAPTION_ROWS > 0


def test_a_result_is_called_by_what_tells_it_from_its_neighbours() -> None:
    tasks = [task(1, PROMPTS[0], "mugs"), task(2, PROMPTS[1], "mugs"), task(3, "A cat", "the cat"), task(4)]
    names = Names(tasks, 20)
    assert [text(names.of(each, 20)) for each in tasks] == [
        "…a walnut desk",
        "…a red rug",
        "the cat",
        "task_4",
    ]


def test_a_caption_has_number_name_verdict_and_model() -> None:
    one = task(1, "A cat")
    card, names = TaskCard(one, ["u", "v"], {}), Names([one], 30)
    first, second = caption_of(Result(1_234, 1, 2, Verdict.PICKED), card, names, 30)
    assert (text(first), text(second)) == ("1,234 A cat", "+ picked 2/2 gpt-image-2")
    assert text(caption_of(Result(3, 1, 1, Verdict.REJECTED), card, names, 30)[1]).startswith("- rejected ")
    assert text(caption_of(Result(3, 1, 1), card, names, 30)[1]) == "1/2 gpt-image-2"
    assert text(caption_of(Result(3, 1, 1), None, names, 30)[0]) == "3"


def test_in_lines_the_verdicts_stand_under_each_other() -> None:
    tasks = [
        task(1, "A cat"),
        task(2, "A much longer prompt than the line that it stands on has room for at all"),
        task(3, "日本の狐が雪の中を走る、夜明けの光のなか"),
    ]
    names = Names(tasks, 60)
    lines = [
        text(line_of(Result(seq, seq, 1, Verdict.PICKED), TaskCard(tasks[seq - 1], ["u"], {}), names, 60, 10))
        for seq in (1, 2, 3)
    ]
    for word in ("+ picked", "gpt-image-2"):
        assert len({cell_len(each.partition(word)[0]) for each in lines}) == 1
    assert lines[1].startswith(" 2 + picked   A much longer")


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (None, "loading…"),
        (Refused("the link has probably expired (HTTP 403)", is_expired=True), "expired r asks again"),
        (Refused("MP3 sound, 1.2 MiB", is_other=True), "MP3 sound, 1.2 MiB"),
        (Refused("it is damaged or cut short"), "it is damaged or cut short"),
    ],
)
def test_a_card_says_why_there_is_no_picture(refused: Refused | None, said: str) -> None:
    lines = why_no_picture(refused, "r", 16, 8)
    assert (len(lines), {len(each) for each in lines}) == (8, {16})
    assert " ".join(" ".join(lines).split()) == said


def test_a_long_reason_is_cut_to_the_card() -> None:
    assert len(why_no_picture(Refused("word " * 200), "r", 16, 8)) == 8
