"""Makes a contact sheet: results of a list with their pictures, in one HTML file that any browser opens.

Pictures come from the preview cache, are made smaller the more there are, and are embedded in the file. Text goes
into it only through `_filled`, which escapes everything that is not our own markup. The page's Content-Security-Policy
lets the browser load nothing, and run no script but the embedded one, which it names by digest.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from taskdash.config.files import open_plain_file, replace_private_file
from taskdash.domain.errors import TaskdashError
from taskdash.domain.task import State, Verdict, inputs_of, json_text
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NONE, amount, are_links_dead, duration, expiry_of, iso_time, moment, plural
from taskdash.results.links import Refused, safe_url, shortened_url

with suppress(ImportError):  # without the extra `preview` there are no pictures to embed
    from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from taskdash.domain.secret import KnownKeys
    from taskdash.domain.task import TaskDetail
    from taskdash.results.previews import Picture, Previews
    from taskdash.store.saved import SavedFile
    from taskdash.store.store import Store

AT_ONCE: Final = 4
SIDES: Final = ((60, 768), (400, 512))
"""The longest side of each picture, for up to that many: the file should fit in a mail."""
LEAST_SIDE: Final = 352
QUALITY: Final = 75
MAX_RESULTS: Final = 2_000
"""Browsers can cope with a page of some 80 MB."""
SIGNS: Final = {Verdict.PICKED: "✓", Verdict.REJECTED: "×"}
UNDECIDED: Final = "undecided"
MAX_INPUT_CHARS: Final = 300
"""Per input: some are whole pictures as text."""
LINK_CHARS: Final = 40
_STYLE: Final = Path(__file__).with_name("sheet.css").read_text("utf-8")
_SCRIPT: Final = Path(__file__).with_name("sheet.js").read_text("utf-8")
HEAD: Final = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="generator" content="taskdash sheet">\n'
)
"""The beginning of each sheet, which tells it from other files."""
_PAGE: Final = f"""{HEAD}\
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$asked · $counts</title>
<style>$style</style>
</head>
<body>
<header><h1 dir="auto">$asked</h1><p>$counts · made by taskdash on <time datetime="$iso">$now</time></p>\
<form hidden>$choices</form></header>
<main>$cards</main>
<dialog></dialog>
<script>$script</script>
</body>
</html>
"""
# The form is hidden until the script, which its buttons need, shows it.
_CHOICE: Final = '<label><input type="radio" name="verdict" value="$value"$checked>$text</label>'
_CARD: Final = """\
<article class="$verdict" data-verdict="$verdict">\
<button type="button" aria-label="Enlarge result $place">$image</button>\
<div><p class="head"><b>$number</b>$label$sign</p>$prompt\
<p class="places">$places</p><dl>$facts</dl><p class="id">$id</p></div></article>"""
_IMAGE: Final = '<img src="data:image/webp;base64,$data" alt="" width="$width" height="$height">'
_SPAN: Final = "<span>$text</span>"
_FACT: Final = '<div><dt>$name</dt><dd dir="auto">$value</dd></div>'
_LINK: Final = '<a href="$url" rel="noreferrer" target="_blank">$text</a>'
_FILE: Final = '<a href="./$path" target="_blank">$text</a>'


class _Html(str):
    """Marks a text as markup already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Embedded:
    """Holds a small picture as it is embedded, with the kind and size of its original."""

    webp: bytes
    width: int
    height: int
    original: str
    """The kind and the size of the result itself: `PNG, 1024 × 1536`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Shows one result on the sheet."""

    detail: TaskDetail
    number: int
    """Which of the task's results, from 1."""
    saved: SavedFile | None = None
    picture: Embedded | str = "no picture"
    """The picture, or why there is none."""

    @property
    def verdict(self) -> Verdict | None:
        """Return the user's verdict on it."""
        return self.detail.verdicts.get(self.number)


def check_count(count: int, instead: str) -> None:
    """Raise TaskdashError for more results than a sheet has room for; `instead` says how to get fewer."""
    if count > MAX_RESULTS:
        raise TaskdashError(
            f"{count:,} results are too many for one sheet, which takes {MAX_RESULTS:,}: {instead}"
        )


def cards_of(store: Store, seqs: Sequence[int], keys: KnownKeys) -> list[Card]:
    """Return a card for each result of the tasks, in order, with keys redacted."""
    saved = store.saved.of(seqs)
    found = []
    for read in store.tasks.details(seqs, raw=False):
        detail = keys.redact_values(read)
        files = saved.get(detail.task.seq, {})
        count = len(detail.result_urls) if detail.task.state is State.SUCCESS else 0
        found += [Card(detail=detail, number=n, saved=files.get(n)) for n in range(1, count + 1)]
    return found


async def make_sheet(
    cards: Sequence[Card],
    previews_of: Callable[[str], Previews],
    *,
    asked: str,
    now_ms: int,
    ttls_ms: Mapping[str, int],
    folder: Path | None = None,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> str:
    """Return the page with the cards and their pictures, under the request (`asked`) as its heading.

    `previews_of` returns the previews of a profile, which fetch pictures by its rules. Files in the `folder` where the
    page will be are linked; `on_progress` is called with the number of cards done.
    """
    side = next((side for most, side in SIDES if len(cards) <= most), LEAST_SIDE)
    free, done = asyncio.Semaphore(AT_ONCE), 0

    async def filled(card: Card) -> Card:
        nonlocal done
        async with free:
            # In a thread, as a network disk may take a minute to answer.
            if card.saved is not None and not await asyncio.to_thread(card.saved.is_there):
                card = replace(card, saved=None)
            card = replace(card, picture=await _picture(card, previews_of(card.detail.task.profile), side))
        done += 1
        on_progress(done)
        return card

    async with asyncio.TaskGroup() as group:
        filling = [group.create_task(filled(card)) for card in cards]
    done_cards = [each.result() for each in filling]
    return page(done_cards, asked=asked, now_ms=now_ms, ttls_ms=ttls_ms, folder=folder)


async def _picture(card: Card, previews: Previews, side: int) -> Embedded | str:
    if previews.missing:
        return "no picture: Pillow was not installed"
    url, path = card.detail.result_urls[card.number - 1], card.saved and str(card.saved.path)
    outcome = await previews.look(url, path)
    if isinstance(outcome, Refused) and outcome.is_other:
        # The first frame of a clip, if `ffmpeg` is installed.
        outcome = await previews.look(url, path, is_small=True)
    if isinstance(outcome, Refused):
        return outcome.why if outcome.is_other else f"no picture: {outcome.why}"
    try:
        return await asyncio.to_thread(_embedded, outcome, side)
    except Exception:  # Pillow raises whatever it likes, which must not fail the other results
        return "no picture: it is damaged"


def _embedded(picture: Picture, side: int) -> Embedded:
    with Image.open(io.BytesIO(picture.png), formats=("PNG",)) as small:
        small.thumbnail((side, side), reducing_gap=2.0)
        file = io.BytesIO()
        small.save(file, "WEBP", quality=QUALITY)
        return Embedded(file.getvalue(), *small.size, f"{picture.format}, {picture.width} × {picture.height}")


def check_place(path: Path) -> None:
    """Raise TaskdashError if the folder for a sheet does not exist, or `path` is anything but an earlier sheet."""
    shown = inert_line(str(path))
    if not path.parent.is_dir():
        raise TaskdashError(f"{shown}: no such folder")
    if not os.path.lexists(path):
        return
    file = open_plain_file(path)
    if file is not None:
        with file:
            if file.read(len(HEAD)) == HEAD.encode():
                return
    raise TaskdashError(f"{shown} already exists and is not a contact sheet; not overwritten (-o FILE)")


def save_sheet(path: Path, text: str) -> None:
    """Write a sheet atomically, so that a browser sees either the old or the new one.

    Raises TaskdashError if it cannot be written, or another kind of file is in its place.
    """
    check_place(path)
    try:
        replace_private_file(path.resolve(), text.encode("utf-8", "replace"))
    except OSError as error:
        reason = inert_line(error.strerror or "unknown reason")
        raise TaskdashError(f"{inert_line(str(path))} cannot be written: {reason}") from None


# The page


def page(
    cards: Sequence[Card],
    *,
    asked: str,
    now_ms: int,
    ttls_ms: Mapping[str, int],
    folder: Path | None = None,
) -> str:
    """Return the page: the cards in this order, under the request (`asked`).

    `ttls_ms` is how long links live, by profile; files in the `folder` where the page will be are linked.
    """
    tasks = len({card.detail.task.seq for card in cards})
    counts = plural(len(cards), "result") + ("" if tasks == len(cards) else f" of {plural(tasks, 'task')}")
    verdicts = Counter(card.verdict or UNDECIDED for card in cards)
    words = (Verdict.PICKED, UNDECIDED, Verdict.REJECTED)
    choices = [
        _filled(_CHOICE, value="", checked=_Html(" checked"), text=f"All {len(cards):,}"),
        *(
            _filled(_CHOICE, value=each, checked="", text=f"{each.capitalize()} {verdicts[each]:,}")
            for each in words
        ),
    ]
    return _filled(
        _PAGE,
        policy=f"default-src 'none'; img-src data:; style-src '{_digest(_STYLE)}'; "
        f"script-src '{_digest(_SCRIPT)}'; base-uri 'none'; form-action 'none'",
        style=_Html(_STYLE),
        script=_Html(_SCRIPT),
        asked=asked,
        counts=counts,
        iso=iso_time(now_ms),
        now=moment(now_ms),
        choices=_joined(choices),
        cards=_joined(
            _card(card, place, _places(card, now_ms, ttls_ms.get(card.detail.task.profile), folder))
            for place, card in enumerate(cards, 1)
        ),
    )


def _card(card: Card, place: int, places: Iterable[_Html]) -> _Html:
    task, verdict, image = card.detail.task, card.verdict, card.picture
    if not isinstance(image, str):
        data = base64.b64encode(image.webp).decode("ascii")
        image = _filled(_IMAGE, data=data, width=str(image.width), height=str(image.height))
    else:
        image = _filled(_SPAN, text=image)
    sign = f"{SIGNS[verdict]} {verdict}" if verdict else ""
    return _filled(
        _CARD,
        verdict=verdict or UNDECIDED,
        place=str(place),
        image=image,
        number=f"{place:,}",
        label=_filled('<span class="label" dir="auto">$text</span>', text=task.label) if task.label else "",
        sign=_filled('<span class="verdict">$text</span>', text=sign) if sign else "",
        prompt=_filled('<p class="prompt" dir="auto">$text</p>', text=task.prompt) if task.prompt else "",
        places=_joined(places),
        facts=_joined(_filled(_FACT, name=name, value=value) for name, value in _facts(card) if value),
        id=f"{task.task_id}:{card.number}",
    )


def _places(card: Card, now_ms: int, ttl_ms: int | None, folder: Path | None) -> Iterable[_Html]:
    """Yield where the result is: its link, unless that is dead, and its file."""
    task = card.detail.task
    expiry = expiry_of(task, ttl_ms)
    url = safe_url(card.detail.result_urls[card.number - 1])
    if are_links_dead(task, ttl_ms, now_ms):
        yield _filled(_SPAN, text="The link has expired")
    elif url is None:
        yield _filled(_SPAN, text="Unsafe link left out")
    else:
        yield _filled(_LINK, url=url, text=shortened_url(url.partition("//")[2], LINK_CHARS))
        if expiry is not None:
            yield _filled(_SPAN, text=f"expires {moment(expiry.at_ms)}")
    if card.saved is not None:
        path = card.saved.path
        if folder is not None and path.is_relative_to(folder) and str(path) == inert_line(str(path)):
            beside = str(path.relative_to(folder))
            yield _filled(_FILE, path=quote(beside, errors="replace"), text=beside)
        else:
            yield _filled(_SPAN, text=card.saved.shown)


def _facts(card: Card) -> Iterable[tuple[str, str | None]]:
    task = card.detail.task
    took = duration(task.cost_time_ms, measured=True)
    yield "model", task.model
    yield "duration", None if took == NONE else took
    yield "credits", card.detail.credits_consumed if task.credits is None else amount(task.credits)
    yield "created", None if task.create_time_ms is None else moment(task.create_time_ms)
    yield "original", None if isinstance(card.picture, str) else card.picture.original
    for name, value in inputs_of(card.detail.param):
        yield name, inert_line(json_text(value), MAX_INPUT_CHARS)


def _filled(template: str, **values: str) -> _Html:
    """Fill a template; values that are not already markup are escaped as text."""
    written = {name: each if isinstance(each, _Html) else escape(each) for name, each in values.items()}
    return _Html(Template(template).substitute(written))


def _joined(parts: Iterable[_Html]) -> _Html:
    return _Html("".join(parts))


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
