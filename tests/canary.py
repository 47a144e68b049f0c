"""The API key of the tests, looked for wherever it must not be, in every form it could have there.

`found_in` searches bytes; `tests.command` and `tests.pty_screen` hand it all that a program says, the servers all that
they are asked, and tests/conftest.py every file that a run of the tests leaves.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

KEY: Final = "sk-canary-0123456789abcdef"
AWKWARD_KEY: Final = "sk-canary/0123+45'67\"89\\ab=%"
"""One that looks different in a URL, in JSON and in a `repr`."""
_OTHERS: Final = ("sk-CANARY-0123456789", "sk-CANARY/0123+456789==")
MAX_FILE_BYTES: Final = 256 * 1_048_576


def _in_base64(data: bytes) -> Iterator[bytes]:
    """What is the same in all Base64 that has `data` somewhere in it, for each of the three places it may begin."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + data)
        # The first and the last four characters hold bits of what stands around it.
        whole = text[4 if before else 0 : len(text) - 4]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))


def forms(key: str) -> tuple[bytes, ...]:
    data = key.encode()
    texts = {
        key,
        quote(key, safe=""),
        quote(key, safe="").lower(),
        key.replace("-", "%2D"),
        repr(key)[1:-1],
        json.dumps(key)[1:-1],
        json.dumps(key)[1:-1].replace("/", "\\/"),
        data.hex(),
    }
    found = {text.encode() for text in texts} | set(_in_base64(data))
    return tuple(sorted(found, key=len))


FORMS: Final = tuple(dict.fromkeys(form for key in (KEY, AWKWARD_KEY, *_OTHERS) for form in forms(key)))
_KEPT: Final = re.compile(rb"^api_key = [^\n]*$", re.MULTILINE)
"""The line of a config in which a user keeps it."""
WRITTEN_BY_TESTS: Final = re.compile(r"(?!config\.|view\.).*\.toml|.*\.(?:py|sh)|calls")
"""Configs with keys in wrong places, commands that print one, and what a shell made of `$AIGPTIMAGE_API_KEY` in a
command that was copied. The program itself writes none of these."""
PLANTED: Final = re.compile(r"test_(?:a_key_is_never_copied|no_key_is_in_its_environm)")
"""Folders of tests that put a key into a list themselves, to see that it does not get out of there."""


def found_in(data: bytes | str) -> list[str]:
    """The forms that are in `data`; none, where all is well."""
    data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return [form.decode() for form in FORMS if form in data]


def assert_not_in(data: bytes | str, where: str) -> None:
    found = found_in(data)
    assert not found, f"the API key is in {where}, as {found}"


def files_with_key(folder: Path) -> list[str]:
    """The files below `folder` that have a key in their name or in what they hold; links are not followed."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not PLANTED.match(name)]
        for name in names:
            path = Path(parent, name)
            if found_in(str(path.relative_to(folder))):
                found.append(str(path))
            if WRITTEN_BY_TESTS.fullmatch(name) or path.is_symlink() or not path.is_file():
                continue
            data = _read(path)
            if found_in(data) and found_in(_KEPT.sub(b"", data)):
                found.append(str(path))
    return found


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return b""
        return path.read_bytes()
    except OSError:
        return b""
