"""Pastes that are made to hurt, and pastes by the hundred: nothing raises, takes forever or is missed."""

from __future__ import annotations

import time
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from tests.paste_noise import Noise, log_with_ids

from taskdash.domain.secret import Secret
from taskdash.domain.task import ID_PATTERN
from taskdash.domain.task_ids import find_task_ids

U1 = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
H1 = "2eafde054c79a5e0895715fcce224fc6"

PATTERNS = [
    "[", '{"a":', "{", "task_", "task_1_", "taskId: ", "taskId:", "taskId ", "?taskId=", '"', "'", "\\",
    '\\"', "`", "0123456789abcdef", "a", " ", "\n", "\r", "-", "|", ",", '"param":{', '"param":{\n',
    '"param":"', '"param":"\n', '"param":"\\', '"resultUrls":[', '"taskIds":[', "taskIds a1,",
    "taskIds:\n- ", "Created task ", "taskId,state\n", "|taskId", "taskId  state  ", "key: " + U1 + " ",
    "/" + U1 + ".png ", U1 + "\n", '"' + U1 + '",', '{"taskId":"' + U1 + '"}',
    '{\n "id": "' + U1 + '",\n "taskId": "a1"\n}\n', "taskId" + " " * 500, "taskId:" + "\n" * 50, "%41",
    "%25", "\\u0041", "\x1b[31m", "\x1b]", "\x9b", "\u200b", "é", "😀 ", "\ud800", "\x00", "&amp;",
    "sk-aaaaaa ", "task_xxx ",
]  # fmt: skip


def test_a_text_of_one_pattern_takes_time_in_proportion() -> None:
    for pattern in PATTERNS:
        text = pattern * (60_000 // len(pattern))
        before_s = time.process_time()
        find_task_ids(text)
        # A search that takes the square of the length would need half a minute.
        assert time.process_time() - before_s < 2, pattern


def test_the_id_after_a_hostile_beginning_is_found() -> None:
    for pattern in PATTERNS:
        if "taskId" not in pattern and "\\" not in pattern and pattern not in ("?taskId=", "\x1b]"):
            ids = [
                found.task_id for found in find_task_ids(pattern * 50 + '\n\n\n{"taskId": "abc-1"}\n').found
            ]
            assert "abc-1" in ids, pattern


def test_made_up_pastes_give_all_of_their_ids_in_order_and_no_others() -> None:
    pastes = [Noise(seed).paste(fragments=8) for seed in range(150)]
    for seed, paste in enumerate(pastes):
        found = [item.task_id for item in find_task_ids(paste.text).found]
        assert found == list(paste.ids), f"seed {seed}"
    assert sum(len(paste.ids) for paste in pastes) > 500


def test_a_long_log_gives_all_of_its_ids_in_order() -> None:
    log = log_with_ids(seed=7, ids=100, size=300_000)
    assert [found.task_id for found in find_task_ids(log.text).found] == list(log.ids)


PIECES = st.sampled_from(
    [
        "taskId", "task_id", '"', "'", ":", "=", " ", "\n", "{", "}", "[", "]", ",", "\\", "|", "param",
        "resultJson", "key", "sk-x", "Task ID", "Created task", "Bearer ", "X-Request-ID: ", U1, H1,
        "task_abc123", "abc-1", "-", ".", "/", "%22", "\x1b[0m", "…",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join))


@given(TEXTS)
def test_any_text_gives_allowed_ids_once_each_with_lines_that_exist(text: str) -> None:
    paste = find_task_ids(text)
    ids = [found.task_id for found in paste.found]
    assert len(ids) == len(set(ids))
    assert all(ID_PATTERN.fullmatch(task_id) for task_id in ids)
    lines = text.count("\n") + text.count("\r") + sum(text.count(c) for c in "\x0b\x0c\x85\u2028\u2029") + 1
    assert all(1 <= found.line <= lines for found in paste.found)
    assert all(1 <= ignored.line <= lines for ignored in paste.ignored)
    assert [item.line for item in paste.found] == sorted(item.line for item in paste.found)
    assert all(len(ignored.text) <= 80 for ignored in paste.ignored)
    shown = "".join(ignored.text for ignored in paste.ignored)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(TEXTS)
def test_a_configured_key_never_leaves(text: str) -> None:
    assert H1 not in repr(find_task_ids(text, keys=[Secret(H1)]))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_an_id_on_its_own_lines_survives_any_line_before_it(text: str) -> None:
    line = " ".join(text.split()).replace("task", "")
    ids = [found.task_id for found in find_task_ids(f"{line}\n\n{{\n}}\n\n{U1} is fine\n").found]
    assert U1 in ids or any(word in line.lower() for word in ("key", "token", "secret", "request"))
