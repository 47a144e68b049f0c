"""Writes API requests as curl commands to paste into a shell; taskdash itself sends nothing but checks.

The key is never part of a command: the shell expands its variable, in double quotes. Everything else is quoted so that
the shell takes it literally. The body is one line of JSON without single quotes, double backslashes and control
characters, so it means the same to sh, bash, zsh and fish.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskdash.domain.gateways import AUTH_HEADER, KEY_MARK, RECORD_PATH, target_of
from taskdash.domain.untrusted import raw_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.domain.task import Json

CREATE_PATH: Final = "/api/v1/jobs/createTask"
NEXT_COMMAND: Final = " &&\n"
"""Joins commands that cost credits: when pasted, none of them runs until Enter is pressed after the last."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Tells a command line what it needs to know of a gateway."""

    base_url: str
    key_variable: str
    auth_header: str = AUTH_HEADER
    """Both as the config accepts them: with nothing that a shell would interpret within double quotes."""

    @property
    def key_words(self) -> str:
        """Return the shell's reference to the key: `$NAME`."""
        return f"${self.key_variable}"


def record_command(endpoint: Endpoint, task_id: str, path: str = RECORD_PATH) -> str:
    """Return a one-line command that fetches a task's record from a path; running it costs nothing."""
    return " ".join(_request(endpoint, target_of(path, task_id)))


def create_command(endpoint: Endpoint, body: Json, request_id: str) -> str:
    """Return the command that creates a new task, which costs as much as the original.

    The gateway creates one task per `request_id`, however often the command is run.
    """
    words = [
        *_request(endpoint, CREATE_PATH),
        "-H " + shlex.quote("Content-Type: application/json"),
        "-H " + shlex.quote(f"X-Request-ID: {request_id}"),
        "--data-raw " + shlex.quote(shell_json(body)),
    ]
    return " \\\n  ".join(words)


def shell_json(value: Json) -> str:
    r"""Return a value as JSON on one line, without `'`, `\\` and characters that a terminal acts on."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    # fish reads two backslashes in single quotes as one, where sh reads two.
    text = text.replace("\\\\", "\\u005c").replace("'", "\\u0027")
    return raw_text(text.encode("utf-8")).decode("utf-8")


def _request(endpoint: Endpoint, target: str) -> Sequence[str]:
    url = endpoint.base_url + target
    # curl would read brackets, as in an IPv6 address, as a range of URLs.
    plain = " --globoff" if any(char in url for char in "[]{}") else ""
    before, _, after = endpoint.auth_header.partition(KEY_MARK)
    # Outside the double quotes, where the shell could take it for more of the variable's name.
    rest = shlex.quote(after) if after else ""
    return [f"curl -sS{plain} {shlex.quote(url)}", f'-H "{before}{endpoint.key_words}"{rest}']
