"""IDs that a mail program broke are found whole, and on the line where they begin."""

from __future__ import annotations

import pytest

from taskdash.domain.task_ids import find_task_ids

TASK_ID = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
HEX_ID = "2eafde054c79a5e0895715fcce224fc6"
TOKEN = "task_gpt-image-2_1777474689024"


def found(text: str) -> list[tuple[str, int]]:
    return [(each.task_id, each.line) for each in find_task_ids(text).found]


@pytest.mark.parametrize("at", [index for index, char in enumerate(TASK_ID, start=1) if char == "-"])
@pytest.mark.parametrize("fold", ["\n", "\r\n", " \n", "\n> ", "\n> > ", "\n>>"])
def test_an_id_that_was_folded_at_a_hyphen(at: int, fold: str) -> None:
    mail = f"Hello,\nyour task {TASK_ID[:at]}{fold}{TASK_ID[at:]} is ready.\nSee {HEX_ID}\n"
    assert found(mail) == [(TASK_ID, 2), (HEX_ID, 4)]


@pytest.mark.parametrize("task_id", [TASK_ID, HEX_ID, TOKEN])
@pytest.mark.parametrize("at", [6, 12, 20, 28])
def test_an_id_over_a_soft_line_break_of_a_messages_source(task_id: str, at: int) -> None:
    assert found(f"Your task\n{task_id[:at]}=\n{task_id[at:]} is ready") == [(task_id, 2)]


@pytest.mark.parametrize("task_id", [TASK_ID, HEX_ID, TOKEN])
def test_an_equals_sign_of_a_messages_source_is_no_part_of_the_id(task_id: str) -> None:
    assert found(f"https://example.com/logs?taskId=3D{task_id}&amp;x=3D1") == [(task_id, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/results/5064bd1a-\n025a-490b-b28f-6a9fa12eb88a",
        "X-5064bd1a-\n025a-490b-b28f-6a9fa12eb88a",
        "5064bd1a-\n025a-490b-b28f-6a9fa12eb88a0",
        "5064bd1a-\n\n025a-490b-b28f-6a9fa12eb88a",
        "x =\n5064bd1a",
    ],
)
def test_what_is_not_sure_to_be_one_id_stays_apart(text: str) -> None:
    assert found(text) == []


def test_lists_under_a_rule_stay_as_they_are() -> None:
    assert found(f"{TASK_ID}\n---\n{HEX_ID}-\n{TOKEN}\n") == [(TASK_ID, 1), (HEX_ID, 3), (TOKEN, 4)]
