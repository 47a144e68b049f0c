"""The text of a contact sheet: one HTML page that shows results, and needs nothing but itself.

A text becomes part of the page by `_tag` alone, which escapes whatever is not markup of ours. The page's own policy
lets a browser load nothing from anywhere and run no script but the one in here, which is named by its digest.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from taskdash.domain.durations import NONE, amount, duration
from taskdash.domain.task import Verdict, inputs_of, json_text
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import are_links_dead, expiry_of, iso_time, moment, plural
from taskdash.results.links import safe_url, shortened_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from taskdash.domain.task import TaskDetail

SIGNS: Final = {Verdict.PICKED: "✓", Verdict.REJECTED: "×"}
UNDECIDED: Final = "undecided"
MAX_INPUT_CHARS: Final = 300
"""Of an input: some are whole pictures as text."""
LINK_CHARS: Final = 40
GENERATOR: Final = '<meta name="generator" content="taskdash sheet">'
_STYLE: Final = Path(__file__).with_name("sheet.css").read_text("utf-8")
_SCRIPT: Final = Path(__file__).with_name("sheet.js").read_text("utf-8")
HEAD: Final = f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{GENERATOR}\n'
"""How each sheet begins: by this one is told from a file of another kind."""


class _Html(str):
    """A text that is markup already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Embedded:
    """A small picture as it is embedded, and what it was made of."""

    webp: bytes
    width: int
    height: int
    original: str
    """The kind and the size of the result itself: `PNG, 1024 × 1536`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One result on the sheet."""

    detail: TaskDetail
    number: int
    """Which of the task's results, from 1."""
    picture: Embedded | str
    """Or why there is none."""
    verdict: Verdict | None = None
    saved: str | None = None
    """The file it is saved as, fit to be shown."""
    saved_beside: str | None = None
    """The same from the folder of the sheet, where it is in there: only then it is linked."""
    ttl_ms: int | None = None
    """How long links live, where the profile tells."""


def page(cards: Sequence[Card], *, asked: str, now_ms: int, note: str = "") -> str:
    """Return the page: cards in this order under what was asked for, and a note on all of them."""
    tasks = len({card.detail.task.seq for card in cards})
    counts = plural(len(cards), "result") + ("" if tasks == len(cards) else f" of {plural(tasks, 'task')}")
    title = f"{asked} · {counts}"
    made = _tag("time", moment(now_ms), datetime=iso_time(now_ms))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(_STYLE)}'; script-src '{_digest(_SCRIPT)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = [
        _void("meta", http_equiv="Content-Security-Policy", content=policy),
        _void("meta", name="referrer", content="no-referrer"),
        _void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        _tag("title", title),
        _tag("style", _Html(_STYLE)),
    ]
    body = [
        _tag(
            "header",
            _tag("h1", asked, dir="auto"),
            _tag("p", counts, " · made by taskdash on ", made),
            *([_tag("p", note, class_="note")] if note else []),
            _filter(cards),
        ),
        _tag("main", *(_card(card, place, now_ms) for place, card in enumerate(cards, 1))),
        _tag("dialog"),
        _tag("script", _Html(_SCRIPT)),
    ]
    return f"{HEAD}{_lines(head)}\n</head>\n<body>\n{_lines(body)}\n</body>\n</html>\n"


def _filter(cards: Sequence[Card]) -> _Html:
    """Return the buttons that show one kind of verdict. Without the script they would do nothing: it shows them."""
    counts = Counter(card.verdict or UNDECIDED for card in cards)
    words = (Verdict.PICKED, UNDECIDED, Verdict.REJECTED)
    choices = [("", "All", len(cards)), *((each, each.capitalize(), counts[each]) for each in words)]
    return _tag(
        "form",
        *(
            _tag(
                "label",
                _void("input", type="radio", name="verdict", value=value, checked=not value),
                f"{word} {count:,}",
            )
            for value, word, count in choices
        ),
        hidden=True,
    )


def _card(card: Card, place: int, now_ms: int) -> _Html:
    task = card.detail.task
    verdict = card.verdict or UNDECIDED
    return _tag(
        "article",
        _tag("button", _picture(card), type="button", aria_label=f"Enlarge result {place}"),
        _tag(
            "div",
            _tag(
                "p",
                _tag("b", f"{place:,}"),
                *([_tag("span", task.label, class_="label", dir="auto")] if task.label else []),
                *(
                    [_tag("span", f"{SIGNS[card.verdict]} {verdict}", class_="verdict")]
                    if card.verdict
                    else []
                ),
                class_="head",
            ),
            *([_tag("p", task.prompt, class_="prompt", dir="auto")] if task.prompt else []),
            _tag("p", *_places(card, now_ms), class_="places"),
            _tag("dl", *(_pair(name, value) for name, value in _facts(card))),
            _tag("p", f"{task.task_id}:{card.number}", class_="id"),
        ),
        class_=verdict,
        data_verdict=verdict,
    )


def _picture(card: Card) -> _Html:
    if isinstance(card.picture, str):
        return _tag("span", card.picture)
    data = base64.b64encode(card.picture.webp).decode("ascii")
    size = {"width": str(card.picture.width), "height": str(card.picture.height)}
    return _void("img", src=f"data:image/webp;base64,{data}", alt="", **size)


def _places(card: Card, now_ms: int) -> Iterable[_Html]:
    """Return where the result is: its link, unless that is dead, and its file."""
    task = card.detail.task
    expiry = expiry_of(task, card.ttl_ms)
    url = safe_url(card.detail.result_urls[card.number - 1])
    if are_links_dead(task, card.ttl_ms, now_ms):
        yield _tag("span", "The link has expired")
    elif url is None:
        yield _tag("span", "Unsafe link left out")
    else:
        yield _tag(
            "a",
            shortened_url(url.partition("//")[2], LINK_CHARS),
            href=url,
            rel="noreferrer",
            target="_blank",
        )
        if expiry is not None:
            yield _tag("span", f"expires {moment(expiry.at_ms)}")
    if card.saved_beside is not None:
        yield _tag(
            "a", card.saved_beside, href=f"./{quote(card.saved_beside, errors='replace')}", target="_blank"
        )
    elif card.saved is not None:
        yield _tag("span", card.saved)


def _facts(card: Card) -> Iterable[tuple[str, str]]:
    task = card.detail.task
    took = duration(task.cost_time_ms, measured=True)
    credits_used = card.detail.credits_consumed if task.credits is None else amount(task.credits)
    facts = [
        ("model", task.model),
        ("duration", None if took == NONE else took),
        ("credits", credits_used),
        ("created", None if task.create_time_ms is None else moment(task.create_time_ms)),
        ("original", None if isinstance(card.picture, str) else card.picture.original),
        *(
            (name, inert_line(json_text(value), MAX_INPUT_CHARS))
            for name, value in inputs_of(card.detail.param)
        ),
    ]
    return ((name, value) for name, value in facts if value)


def _pair(name: str, value: str) -> _Html:
    return _tag("div", _tag("dt", name), _tag("dd", value, dir="auto"))


def _tag(name: str, /, *children: str, **attributes: str | bool) -> _Html:
    """Return an element; a child that is not markup already is text, and escaped."""
    inner = "".join(child if isinstance(child, _Html) else escape(child) for child in children)
    return _Html(f"{_void(name, **attributes)}{inner}</{name}>")


def _void(name: str, /, **attributes: str | bool) -> _Html:
    """Return an element that has no end, or the beginning of one that has; an attribute that is False is left out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not False
    )
    return _Html(f"<{name}{written}>")


def _lines(parts: Iterable[_Html]) -> str:
    return "\n".join(parts)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
