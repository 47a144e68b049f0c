"""A contact sheet: what is on it, what its pictures become, and where it may be written."""

from __future__ import annotations

import io
import os
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from PIL import Image
from tests.bodies import fail_body, success_body
from tests.pictures import plain
from tests.store_lists import replied
from tests.unit.results.fakes import FakeFetcher

from taskdash.domain.errors import TaskdashError
from taskdash.domain.secret import KnownKeys, Secret
from taskdash.domain.task import Verdict
from taskdash.results.links import DownloadError
from taskdash.results.previews import Picture, Previews
from taskdash.results.sheet import HEAD, SIDES, Card, cards_of, check_place, make_sheet, save_sheet
from taskdash.store.store import Store

NOW = 1_790_000_000_000
KEY = "sk-a-key-of-nobody"
HOST = "https://cdn.example.com"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "tasks.db") as opened:
        opened.additions.add("p", ["task_two", "task_fail", "task_new", "task_one"], NOW)
        yield opened


@pytest.fixture
def seqs(store: Store, tmp_path: Path) -> list[int]:
    two = replied(store, success_body("task_two", [f"{HOST}/a?k={KEY}", f"{HOST}/clip"]), "p", NOW).seq
    failed = replied(store, fail_body("task_fail"), "p", NOW).seq
    one = replied(store, success_body("task_one", [f"{HOST}/gone"]), "p", NOW).seq
    for n, data in ((1, plain(900, 600)), (2, b"\0\0\0\x18ftypmp42" + bytes(5_000))):
        path = tmp_path / f"two-{n}"
        path.write_bytes(data)
        store.saved.keep(two, n, path, len(data), NOW)
    store.verdicts.give([(two, 2, Verdict.REJECTED), (one, 1, Verdict.PICKED)], NOW)
    return [one, two, failed]


class Refusing(FakeFetcher):
    def __init__(self, name: str = "nobody") -> None:
        self.name = name

    async def fetch(self, url: str, _: object) -> str:
        raise DownloadError(f"{url} asked by {self.name}")


@pytest.fixture
def cards(store: Store, seqs: list[int]) -> list[Card]:
    return cards_of(store, seqs, KnownKeys([Secret(KEY)]))


async def sheet(results: list[Card], folder: Path | None = None, *, is_installed: bool = True) -> str:
    previews = Previews(Refusing(), None, is_installed=is_installed)
    try:
        return await make_sheet(
            results, lambda _profile: previews, asked="x", now_ms=NOW, ttls_ms={}, folder=folder
        )
    finally:
        previews.close()


def test_each_result_of_what_succeeded_is_on_it_in_order(cards: list[Card]) -> None:
    assert [(each.detail.task.task_id, each.number, each.verdict) for each in cards] == [
        ("task_one", 1, Verdict.PICKED),
        ("task_two", 1, None),
        ("task_two", 2, Verdict.REJECTED),
    ]
    assert [each.saved and each.saved.path.name for each in cards] == [None, "two-1", "two-2"]


async def test_pictures_are_embedded_small_and_of_others_it_says_why(
    cards: list[Card], tmp_path: Path
) -> None:
    text = await sheet(cards, tmp_path)
    [data] = re.findall(r"data:image/webp;base64,([^\"]+)", text)
    with Image.open(io.BytesIO(b64decode(data))) as picture:
        assert (picture.format, max(picture.size)) == ("WEBP", SIDES[0][1])
    assert "PNG, 900 × 600" in text
    assert f"no picture: {HOST}/gone asked by nobody" in text
    assert "MP4 video" in text
    assert 'href="./two-1"' in text
    assert KEY not in text
    # Elsewhere a link beside the page would lead nowhere.
    assert str(tmp_path / "two-1") in await sheet(cards, tmp_path / "elsewhere")
    assert "./two" not in await sheet(cards)
    # A file that is gone is not saved.
    (tmp_path / "two-1").unlink()
    text = await sheet(cards, tmp_path)
    assert ("./two-1" in text, "./two-2" in text) == (False, True)


async def test_pictures_are_fetched_by_the_rules_of_their_profile(store: Store, seqs: list[int]) -> None:
    store.additions.add("q", ["task_other"], NOW)
    theirs = replied(store, success_body("task_other", [f"{HOST}/theirs"]), "q", NOW).seq
    previews = {name: Previews(Refusing(name), None) for name in "pq"}
    both = cards_of(store, [seqs[0], theirs], KnownKeys([Secret(KEY)]))
    text = await make_sheet(both, previews.__getitem__, asked="x", now_ms=NOW, ttls_ms={})
    for each in previews.values():
        each.close()
    assert f"{HOST}/gone asked by p" in text
    assert f"{HOST}/theirs asked by q" in text


async def test_of_a_clip_its_first_frame_is_embedded(
    cards: list[Card], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = AsyncMock(return_value=Picture(plain(320, 180), "MP4", 640, 360))
    look = Previews.look
    monkeypatch.setattr(
        Previews, "look", lambda *asked, is_small=False: frame() if is_small else look(*asked)
    )
    text = await sheet(cards)
    assert text.count("data:image/webp") == 2
    assert "MP4, 640 × 360" in text
    # Of what is a picture the larger one is taken.
    assert frame.await_count == 1


async def test_the_more_pictures_the_smaller_they_are(
    cards: list[Card], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskdash.results.sheet.SIDES", ((1, 80), (2, 60)))
    monkeypatch.setattr("taskdash.results.sheet.LEAST_SIDE", 40)
    for count, side in ((1, 80), (2, 60), (3, 40)):
        assert (await sheet(cards[1:2] * count)).count(f'width="{side}"') == count


async def test_without_pillow_each_card_says_so(cards: list[Card]) -> None:
    text = await sheet(cards, is_installed=False)
    assert text.count("no picture: Pillow was not installed") == 3
    assert "task_two:2" in text


def test_it_replaces_an_earlier_sheet_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "sheet.html"
    save_sheet(path, f"{HEAD}one")
    # By another name of it, too, which stays one.
    link = tmp_path / "link.html"
    link.symlink_to(path)
    save_sheet(link, f"{HEAD}two")
    assert (path.read_text("utf-8"), link.is_symlink()) == (f"{HEAD}two", True)
    assert path.stat().st_mode & 0o777 == 0o600

    others = [tmp_path / name for name in ("mine.html", "pipe", "nowhere", "folder")]
    others[0].write_text("<!doctype html>\nmine", "utf-8")
    os.mkfifo(others[1])
    others[2].symlink_to(tmp_path / "none")
    others[3].mkdir()
    for other in others:
        with pytest.raises(TaskdashError, match="already exists and is not a contact sheet"):
            save_sheet(other, HEAD)
    assert others[0].read_text("utf-8").endswith("mine")
    with pytest.raises(TaskdashError, match="no such folder"):
        check_place(tmp_path / "none" / "sheet.html")


def test_a_sheet_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    name = "x" * 250
    with pytest.raises(TaskdashError, match="cannot be written: File name too long"):
        save_sheet(tmp_path / name, HEAD)
    assert list(tmp_path.iterdir()) == []
