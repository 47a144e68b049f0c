"""Small copies on the disk: found again, private, bounded, and never worth a fault."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from taskdash.results.thumbnails import Original, Thumbnails

if TYPE_CHECKING:
    from pathlib import Path

MADE_OF = Original("JPEG", 4_000, 3_000)
SIGNED = "https://cdn.example.com/a.png?Signature=SECRET"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "taskdash" / "previews"


def read(thumbnails: Thumbnails, url: str) -> bytes | None:
    found = thumbnails.open(url)
    if found is None:
        return None
    with found[0] as file:
        assert found[1] == MADE_OF
        return os.read(file.fileno(), 1_000)


def age(folder: Path, url: str, seconds: int) -> None:
    """Have a file look as if it was last used so long ago."""
    path = Thumbnails(folder)._path(url)
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_what_was_kept_is_found_by_its_link_alone(folder: Path) -> None:
    Thumbnails(folder).keep(SIGNED, b"small", MADE_OF)
    assert read(Thumbnails(folder), SIGNED) == b"small"
    assert read(Thumbnails(folder), SIGNED + "x") is None


def test_nobody_else_can_read_them_and_no_name_tells_a_link(folder: Path) -> None:
    Thumbnails(folder).keep(SIGNED, b"small", MADE_OF)
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "SECRET" not in path.name
    assert "cdn" not in path.name


def test_the_least_recently_used_makes_room(folder: Path) -> None:
    thumbnails = Thumbnails(folder, max_bytes=300)
    for n, url in enumerate(("a", "b")):
        thumbnails.keep(url, bytes(100), MADE_OF)
        age(folder, url, 100 - n)
    assert read(thumbnails, "a") is not None, "and so a is the last one used"
    thumbnails.keep("c", bytes(100), MADE_OF)
    assert [read(thumbnails, url) is not None for url in "abc"] == [True, False, True]


def test_a_half_written_file_of_a_killed_process_makes_room_too(folder: Path) -> None:
    thumbnails = Thumbnails(folder, max_bytes=300)
    thumbnails.keep("a", bytes(10), MADE_OF)
    left = folder / f".{Thumbnails(folder)._path('b').name}.x7"
    left.write_bytes(bytes(300))
    os.utime(left, (1, 1))
    thumbnails.keep("c", bytes(10), MADE_OF)
    assert not left.exists()


def test_other_files_in_the_folder_are_let_be(folder: Path) -> None:
    thumbnails = Thumbnails(folder, max_bytes=1)
    folder.mkdir(parents=True)
    (folder / "holiday.png").write_bytes(bytes(100))
    thumbnails.keep("a", bytes(100), MADE_OF)
    assert [path.name for path in folder.iterdir()] == ["holiday.png"]


@pytest.mark.parametrize("what", ["link", "fifo", "folder", "rubbish"])
def test_what_is_none_of_them_is_a_miss(folder: Path, what: str, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    path = Thumbnails(folder)._path("a")
    if what == "link":
        (tmp_path / "secret").write_bytes(b"secret")
        path.symlink_to(tmp_path / "secret")
    elif what == "rubbish":
        path.write_bytes(b"\x89PNG\r\n" + bytes(500))
    elif what == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert read(Thumbnails(folder), "a") is None


def test_a_folder_that_cannot_be_made_keeps_nothing_and_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    thumbnails = Thumbnails(tmp_path / "file" / "previews")
    thumbnails.keep("a", b"x", MADE_OF)
    thumbnails.drop("a")
    assert read(thumbnails, "a") is None
