"""Whatever a label is, the file stays in the folder, under a name that means nothing to any system."""

from __future__ import annotations

import random
import unicodedata
from typing import Any

import pytest

from taskdash.domain.task import Task
from taskdash.domain.words import moment
from taskdash.results.wanted import plain_name, result_stem
from taskdash.store.store import Store

NAMES = 20_000
_PIECES = (
    "..", "/", "\\", ".", "-", "~", "%2e%2e%2f", "\0", "\n", "\x1b]0;x\a", " ", ":", "|", "con", "NUL", "aux.txt",
    "com1", "$(x)", "`x`", "*", "?", "x" * 300, "満月", "é", "e\u0301", "\u202e", "\u200d", "👨‍👩‍👧",
    "\ud800", "\uffff", "\U000e0041",
    "C:",
    "file://", "etc/passwd", ".bashrc", "-rf", "'", '"', "<", ">", "\U0001d54f", "ﬀ", "\u2028", "\x85", "\u0338",
)  # fmt: skip
_DEVICES = {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))}


def hostile(chance: random.Random) -> str:
    """A label made of what has broken programs."""
    pieces = [chance.choice(_PIECES) for _ in range(chance.randrange(1, 6))]
    pieces += [chr(chance.randrange(0x110000)) for _ in range(chance.randrange(3))]
    chance.shuffle(pieces)
    return "".join(pieces)


def is_plain(stem: str) -> bool:
    """Return whether any file system takes it, with a number and an ending behind it, for just what it is."""
    return (
        0 < len(f"{stem}-9999.webm".encode()) <= 255
        and stem[0] not in ".-~"
        and stem[-1] not in ". "
        and not set(stem) & set("/\\:*?\"'<>|$`;&\0 ")
        and stem.partition(".")[0].lower() not in _DEVICES
        and all(unicodedata.category(char)[0] in "LNMPS" for char in stem)
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("5064bd1a-025a", "5064bd1a-025a"),
        ("../../etc/passwd", "etc-passwd"),
        ("..\\..\\x", "x"),
        (".bashrc", "bashrc"),
        ("-rf *", "rf"),
        ("a/b\0c\x1b]0;d", "a-b-c-0-d"),
        ("満月の夜", "満月の夜"),
        ("NUL.txt", "task-NUL.txt"),
        ("...", ""),
        ("x" * 300, "x" * 80),
    ],
)
def test_a_text_in_a_name_leads_nowhere(text: str, name: str) -> None:
    assert plain_name(text) == name


def named(template: str, n: int = 2, **fields: Any) -> str:
    """Return what result `n` of a task is called by a template, which asks the store nothing."""
    task = Task(seq=1, profile="p", added_at_ms=0, **{"task_id": ID, **fields})
    store: Store = None  # type: ignore[assignment] # see above
    return result_stem(store, task, n, template)


ID = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
CREATED_MS = 1_780_000_000_000
LONG = "a red fox jumps over the lazy dog in the snow"


@pytest.mark.parametrize(
    ("template", "fields", "name"),
    [
        ("{label} {prompt} {n}", {"label": "Night run", "prompt": "a fox"}, "Night-run-a-fox-2"),
        ("{prompt:.12}_{id:.8}", {"prompt": LONG}, "a-red-fox_5064bd1a"),
        ("{prompt:.4}{n}", {"prompt": "満月の夜の狐"}, "満月の夜2"),
        ("{prompt:.9}_{n}", {"prompt": 'a "cafe\u0301" table'}, "a-café_2"),
        ("{model} - {n}", {"model": "google/veo-3.1"}, "google-veo-3.1-2"),
        ("{label}-{prompt}-{n}", {}, "2"),
        ("{label}-{prompt}", {}, f"{ID}-2"),
        ("{label}", {"label": "CON"}, "task-CON"),
        ("{label}", {"label": "com¹.x"}, "task-com¹.x"),
        ("..{label}. ", {"label": " x. "}, "x"),
        ("{label}!{n}", {"label": "../../a\\b:c"}, "a-b-c-2"),
        ("{prompt:.100}-{n}", {"prompt": "x" * 400}, f"{'x' * 100}-2"),
        ("{prompt:.300}-{n}", {"prompt": "x" * 400}, f"{'x' * 126}-2"),
        ("{label}-{prompt}-{id}-{n}", {"label": "満" * 99, "prompt": "y" * 99}, f"{'満' * 26}{'y' * 9}-{ID}-2"),
    ],
)  # fmt: skip
def test_a_template_is_filled(template: str, fields: dict[str, Any], name: str) -> None:
    assert named(template, **fields) == name


def test_when_a_task_was_created_is_in_a_name_as_in_the_table() -> None:
    created = moment(CREATED_MS)
    assert named("{created}", create_time_ms=CREATED_MS) == created.replace(" ", "_").replace(":", "-")
    assert named("{created:.10}", create_time_ms=CREATED_MS) == created[:10]
    assert named("{created}-{n}", create_time_ms=2**62) == "2"


def test_of_hostile_texts_plain_names_are_made_that_keep_their_end() -> None:
    chance = random.Random(9)  # noqa: S311 - the same texts each time
    for _ in range(NAMES):
        texts = {name: hostile(chance) for name in ("label", "prompt", "model")}
        name = named("{prompt:.90} {label} {model} {id} {n}", 7, **texts)
        assert is_plain(name), texts
        assert name.endswith(f"{ID}-7"), texts
        stem = plain_name(texts["label"]) or "task"
        assert is_plain(f"{stem}-1"), texts
        assert stem.partition(".")[0].lower() not in _DEVICES, texts
