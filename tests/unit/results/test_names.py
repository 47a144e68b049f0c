"""Whatever a label is, the file stays in the folder, under a name that means nothing to any system."""

from __future__ import annotations

import os
import random
import unicodedata
from typing import TYPE_CHECKING

from taskdash.results.folder import Folder, stem_of

if TYPE_CHECKING:
    from pathlib import Path

NAMES = 100_000
CREATED = 300
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


def test_hostile_labels_become_plain_names() -> None:
    chance = random.Random(7)  # noqa: S311 - the same labels each time
    for _ in range(NAMES):
        label = hostile(chance)
        stem = stem_of(label, "..")
        name = f"{stem}-1-9999.webm"
        assert len(name.encode()) <= 255, repr(label)
        assert stem, repr(label)
        assert stem[0] not in ".-~", repr(label)
        assert not set(stem) & set("/\\:*?\"'<>|$`;&\0 "), repr(label)
        assert stem.partition(".")[0].lower() not in _DEVICES, repr(label)
        assert all(unicodedata.category(char)[0] in "LNMPS" for char in stem), repr(label)


def test_files_of_hostile_labels_are_all_made_in_the_folder(tmp_path: Path) -> None:
    chance = random.Random(8)  # noqa: S311 - the same labels each time
    outside = tmp_path / "outside"
    outside.mkdir()
    with Folder(tmp_path / "in") as folder:
        for _ in range(CREATED):
            own = ".taskdash-" + "a" * 32 + ".part"
            descriptor = folder.open_own(own, os.O_RDWR | os.O_CREAT)
            path = folder.name_for_good(own, descriptor, f"{stem_of(hostile(chance), '..')}-1", "png")
            os.close(descriptor)
            folder.remove(own)
            assert path.parent == tmp_path / "in"
            assert path.is_file()
    assert len(list((tmp_path / "in").iterdir())) == CREATED
    assert list(outside.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "outside"]
