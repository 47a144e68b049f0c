"""Requests to the API as command lines that a person pastes into a shell: taskdash itself only ever checks.

The key is never part of one: its variable stands for it, in double quotes, and the shell puts it in. Everything else
is a word in single quotes. The body is JSON in which no backslash, quote or control character stands as such, so it
is one line that means the same to sh, bash, zsh and fish.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskdash.domain.record_paths import AUTH_HEADER, KEY_MARK, RECORD_PATH, target_of
from taskdash.domain.untrusted import raw_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.domain.task import Json

CREATE_PATH: Final = "/api/v1/jobs/createTask"
NEXT_COMMAND: Final = " &&\n"
"""Between commands that cost: pasted, none of them runs before Enter is pressed after the last."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A gateway, as far as a command line names it."""

    base_url: str
    key_variable: str
    auth_header: str = AUTH_HEADER
    """As the config takes it: nothing in it means more to a shell between double quotes."""

    def __post_init__(self) -> None:
        """Raise ValueError for what a shell would read as more than a variable."""
        if not _VARIABLE.fullmatch(self.key_variable):
            raise ValueError("the key's variable is no variable's name")

    @property
    def key_words(self) -> str:
        """Return what stands for the key: `$NAME`."""
        return f"${self.key_variable}"


def record_command(endpoint: Endpoint, task_id: str, path: str = RECORD_PATH) -> str:
    """Return the command that asks under a path for a task's record; it costs nothing. One line."""
    return " ".join(_request(endpoint, target_of(path, task_id)))


def create_command(endpoint: Endpoint, body: Json, request_id: str) -> str:
    """Return the command that asks for a new task, which costs what the first one did.

    The gateway makes one task of a `request_id`, however often the command is run.
    """
    words = [
        *_request(endpoint, CREATE_PATH),
        "-H " + shlex.quote("Content-Type: application/json"),
        "-H " + shlex.quote(f"X-Request-ID: {request_id}"),
        "--data-raw " + shlex.quote(shell_json(body)),
    ]
    return " \\\n  ".join(words)


def shell_json(value: Json) -> str:
    r"""Return a value as JSON on one line, without `'`, without `\\`, and without what a terminal acts on."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    # fish reads two backslashes in single quotes as one, where sh reads two.
    text = text.replace("\\\\", "\\u005c").replace("'", "\\u0027")
    return raw_text(text.encode("utf-8")).decode("utf-8")


def _request(endpoint: Endpoint, target: str) -> Sequence[str]:
    url = endpoint.base_url + target
    # The brackets of an IPv6 address would be a range of URLs to curl.
    plain = " --globoff" if any(char in url for char in "[]{}") else ""
    before, _, after = endpoint.auth_header.partition(KEY_MARK)
    # Outside of the quotes: what follows the variable there may be taken for more of its name.
    rest = shlex.quote(after) if after else ""
    return [f"curl -sS{plain} {shlex.quote(url)}", f'-H "{before}{endpoint.key_words}"{rest}']
