"""Finds the result links of a record in all known forms, most important first, and when they expire.

The API's page has one form: `resultJson`, JSON text with `resultUrls`. All others are from kie.ai-like gateways,
where the key depends on the model, and from other families. One rule covers them: known keys first, in their
order, then every other http(s) URL in the result in document order, with covers and originals last.
`param` is never searched, as it echoes inputs.

A field of the record, or the signature in a link, tells how long links live.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

from taskdash.api.values import Fields, json_within, timestamp_ms, unwrapped, whole_number
from taskdash.domain.untrusted import MAX_DEPTH, inert_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from taskdash.domain.task import Json

MAX_RESULT_URLS: Final = 20_000
"""More than anybody looks at, so that the count shown is the true one."""
MAX_URL_CHARS: Final = 8192

KNOWN_KEYS: Final = (
    *("resultUrls", "result_urls", "resultWaterMarkUrls", "firstFrameUrl", "lastFrameUrl", "resultObject"),
    *("resultUrl", "result_url", "resultVideoUrl", "resultImageUrl", "originImageUrl", "originUrls"),
    *("output", "outputs", "videoUrl", "video_url", "audioUrl", "audio_url", "sunoData"),
    *("fileUrl", "downloadUrl", "outputUrl", "output_url", "model_urls"),
)
_HOLDERS: Final = (
    *("resultJson", "result_json", "result", "results", "resultInfoJson", "response"),
    *("videoInfo", "video_info", "task_result", "taskResult", "assets", "creations", "generated"),
    *("output_images", "output_videos", "generated_images", "video_result", "image_result"),
)
RECORD_KEYS: Final = (*_HOLDERS[:2], *KNOWN_KEYS, *_HOLDERS[2:])
"""The fields of a record that hold its result: `resultJson`, and those beside or instead of it."""
LAST_KEYS: Final = (
    *("videos", "images", "audios", "content", "data", "metadata", "url"),
    *("imageUrls", "image_urls", "imageUrl", "image_url"),
)
"""Fields that may also be inputs, so used only if a record has no other result and echoes no request."""
_FILES: Final = ("video", "audio", "image")
"""Likewise, but only if they hold an object that describes the file (fal, AIML): a bare link in them is an input."""
_RANK: Final = {key: rank for rank, key in enumerate(RECORD_KEYS)}
PARAM: Final = ("param", "paramJson", "generateParam")
"""The request that a record echoes."""
_REQUESTS: Final = (*PARAM, "input", "inputs", "request")

# For `output: [{"url": ...}]` in answers without an envelope. Not among the known keys, because `url` at the top of
# a result is one URL among others.
_KEYS_OF_AN_ITEM: Final = (*KNOWN_KEYS, "url")
_NEVER = re.compile(
    r"param|paramJson|generateParam|prompt_?(?:json|image)?s?"
    r"|(?:inputs?|reference|parent|request|call_?back|webhook|notify|status|cancel|polling)"
    r"_?(?:image|video|audio|frame|file|media|hook)?s?_?(?:urls?|list)?"
    r"|ref_?(?:image|video|audio)s?_?(?:urls?|list)?|(?:image|video|audio|mask)_?inputs?",
    re.IGNORECASE,
)
"""Keys of inputs, and of URLs where the task's state can be polled or is sent."""
_LATER = re.compile(
    r".*(?:(?<!re)(?:cover|source)|thumb|poster|preview|origin|stream|progress|(?:first|last)_?frame|(?<!without_)(?<!no_)water_?mark).*",
    re.IGNORECASE,
)
"""Keys of by-products of a result."""
_NAMES_INPUT = re.compile(r"\b(?:param|generateParam|input|call_?back)", re.IGNORECASE)
_TOKEN = re.compile(r"""[^\s"'<>()\\]++""")
_QUOTES: Final = frozenset({('"', '"'), ("'", "'"), ("(", ")")})
_MAX_JSON_TEXTS: Final = 32
_AT_THE_ENDS: Final = "".join(map(chr, range(0x21)))
_LINE_BREAK = re.compile(r"[\r\n]")
_LEFT_OUT = re.compile(r"[\t\r\n]")
_AUTHORITY = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//[^/?#]*", re.IGNORECASE)
_TO_ENCODE = re.compile(r"[^\x21-\x7e]")
_STARTS_A_URL = re.compile(r"\s*https?://", re.IGNORECASE)
# Separators in a joined list of URLs. The look-behind has each run of them tried once, not from every position.
_BETWEEN_URLS = re.compile(r"(?<![\s,;])[\s,;]++(?=https?://)", re.IGNORECASE)


def result_parts(record: dict[str, Json]) -> dict[str, Json]:
    """Return the result fields of a record, decoded, most important first."""
    given = [key for key in _RANK.keys() & record.keys() if record[key] is not None]
    given.sort(key=_RANK.__getitem__)
    if all(record.get(key) is None for key in _REQUESTS):
        given += [key for key in LAST_KEYS if record.get(key) is not None]
        given += [key for key in _FILES if isinstance(record.get(key), dict)]
    return {key: result_in(record[key]) for key in given}


def result_urls(record: dict[str, Json], parts: dict[str, Json] | None = None) -> tuple[str, ...]:
    """Return the result links of a record, without duplicates; each has a host but may not be safe to open.

    They are read in every state, but only those of a `success` are final: gateways also fill `resultJson` of a
    task that is still `waiting`.
    """
    parts = result_parts(record) if parts is None else parts
    ranked = {key: part for key, part in parts.items() if key in _RANK}
    found = _Found()
    for key in _HOLDERS[:2]:
        if not isinstance(ranked.get(key), dict):
            found.add(ranked.get(key), is_known=True)
    objects = [part for key, part in ranked.items() if key in _HOLDERS and isinstance(part, dict)] + [ranked]
    for key in KNOWN_KEYS:
        for part in objects:
            found.add(part.get(key), is_known=True)
    found.add(ranked)
    if not found.urls:
        for key in [key for key in parts if key not in ranked]:
            found.add(parts[key], is_known=True)
    # The list may grow during iteration: by-products can be nested.
    for value, depth in found.later:
        found.add(value, depth)
    if not found.urls:
        for key in ranked:
            found.add_whole(record[key])
    return tuple(found.urls)


def result_in(value: Json) -> Json:
    """Return the result in a field, decoded if it is JSON text or has JSON embedded in it."""
    value = unwrapped(value)
    if not isinstance(value, str) or _STARTS_A_URL.match(value):
        return value
    inner = json_within(value)
    return value if not inner else inner[0] if len(inner) == 1 else inner


class _Found:
    """Collects URLs, in order. Its limits keep the cost of a hostile result proportional to its size."""

    def __init__(self) -> None:
        self.urls: dict[str, None] = {}
        self.later: list[tuple[Json, int]] = []
        """By-products, such as covers, which come last, with the depth left to search in each."""
        self._json_texts_left = _MAX_JSON_TEXTS

    def add(self, value: Json, depth: int = MAX_DEPTH, *, is_known: bool = False) -> None:
        """Add every URL in `value`, in document order.

        If it was found under a known key, and objects in it have known keys, add only the URLs under those.
        """
        if isinstance(value, str):
            self._add_text(value, depth)
        elif isinstance(value, list) and depth:
            for item in value:
                self.add(item, depth - 1, is_known=is_known)
        elif isinstance(value, dict) and depth:
            before = len(self.urls)
            for known in [known for known in _KEYS_OF_AN_ITEM if is_known and known in value]:
                self.add(value[known], depth - 1, is_known=True)
            for key, item in value.items() if len(self.urls) == before else ():
                when = _when(key) if isinstance(item, str | list | dict) else _NEVER
                if when is _LATER:
                    self.later.append((item, depth - 1))
                elif when is not _NEVER:
                    self.add(item, depth - 1)

    def _add_text(self, text: str, depth: int) -> None:
        if _STARTS_A_URL.match(text):
            self._add_urls(_BETWEEN_URLS.split(text.strip(), MAX_RESULT_URLS))
        elif depth and self._json_texts_left and text.lstrip()[:1] in ("{", "["):
            self._json_texts_left -= 1
            inner = unwrapped(text)
            if not isinstance(inner, str):
                self.add(inner, depth - 1, is_known=True)
                self.add(inner, depth - 1)

    def add_whole(self, text: Json) -> None:
        """Add the URLs in text that is not JSON, except those that may be cut off; none if it mentions inputs."""
        if not isinstance(text, str):
            return
        text = text.replace("\\/", "/").replace('\\"', '"')
        if _NAMES_INPUT.search(text):
            return
        for token in _TOKEN.finditer(text):
            around = text[token.start() - 1 : token.start()], text[token.end() : token.end() + 1]
            if around in _QUOTES or all(not char or char in "<>" or char.isspace() for char in around):
                self._add_urls([token[0].rstrip(".,;:!?")])

    def _add_urls(self, texts: Iterable[str]) -> None:
        for text in texts:
            if len(self.urls) >= MAX_RESULT_URLS:
                return
            # Not if it has a line break: what follows that is other text, and must not become part of the link.
            is_odd = not is_result_url(text) and not _LINE_BREAK.search(text.strip())
            url = encoded_url(text) if is_odd else text
            if url not in self.urls and is_result_url(url):
                self.urls[url] = None


@lru_cache(maxsize=1024)
def _when(key: str) -> re.Pattern[str] | None:
    """Return which pattern a key of a result matches: `_NEVER`, `_LATER`, or None."""
    return next((each for each in (_NEVER, _LATER) if each.fullmatch(key)), None)


def encoded_url(text: str) -> str:
    """Encode a link, absolute or relative, as browsers do, with white space and non-ASCII percent-encoded.

    Existing percent-encoding stays as it is, and so does the host, which has an encoding of its own.
    """
    # Surrogate pairs are joined; a lone surrogate becomes U+FFFD.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = _LEFT_OUT.sub("", text.strip(_AT_THE_ENDS))
    start = _AUTHORITY.match(text)
    host, rest = (text[: start.end()], text[start.end() :]) if start else ("", text)
    path, query, behind = rest.partition("?")
    return host + _TO_ENCODE.sub(lambda char: quote(char[0]), path.replace("\\", "/") + query + behind)


def is_result_url(text: str) -> bool:
    """Return whether `text` is an http(s) URL with a host that can be shown as it is.

    A URL with white space, control or invisible characters must go through `encoded_url` first, because making it
    inert would change where it leads.
    """
    if len(text) > MAX_URL_CHARS or inert_line(text) != text or any(map(str.isspace, text)):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


# How long links live

_MAX_LINKS: Final = 1_000
_MAX_HELD_DEPTH: Final = 4
_MAX_ITEMS: Final = 100
_MAX_LIFE_S: Final = 10 * 366 * 86_400
# `X-Amz-Expires`, `X-Tos-Expires`, `X-Goog-Expires`, `x-oss-expires` are seconds from the date beside them; a bare
# `Expires` is a point in time.
_EXPIRES = re.compile(r"[?&](?:x-([a-z]{2,8})-)?expires=([0-9]{1,13})(?=[&#]|$)", re.IGNORECASE)
_DATE = r"[?&]x-{}-date=([0-9]{{8}}T[0-9]{{6}})Z"
_LINK_END: Final = ("expires_at", "expiresAt", "expire_at", "expireAt", "expire_time", "expireTime")
_PURGED: Final = ("contentState", "expireFlag", "data_removed")
_GONE: Final = frozenset(("purged", "deleted", "removed", "expired"))


def links_end_ms(
    record: dict[str, Json], parts: dict[str, Json], urls: tuple[str, ...], complete_ms: int | None
) -> int | None:
    """Return when the first of the links expires, in Unix milliseconds; None if unknown.

    A lifetime without a start date in the link counts from `complete_ms`.
    """
    if not urls:
        return None
    if (said := Fields(record).read(timestamp_ms, *_LINK_END)) is not None:
        return said
    ends = [*_said_in(parts.values(), _MAX_HELD_DEPTH)]
    ends += filter(None, (_signed_end_ms(url, complete_ms) for url in urls[:_MAX_LINKS]))
    return min(ends, default=None)


def is_purged(record: dict[str, Json]) -> bool:
    """Return whether the record says that its result was removed or its links have expired."""
    said = [record.get(key) for key in _PURGED]
    return any(
        each is True or whole_number(each) == 1 or (isinstance(each, str) and each.strip().lower() in _GONE)
        for each in said
    )


def _said_in(values: Iterable[Json], depth: int) -> Iterator[int]:
    """Yield the expiry times given in the parts of a result."""
    for value in values:
        if isinstance(value, list) and depth:
            yield from _said_in(value[:_MAX_ITEMS], depth - 1)
        elif isinstance(value, dict) and depth:
            if (said := Fields(value).read(timestamp_ms, *_LINK_END)) is not None:
                yield said
            yield from _said_in(list(value.values())[:_MAX_ITEMS], depth - 1)


def _signed_end_ms(url: str, complete_ms: int | None) -> int | None:
    found = _EXPIRES.search(url)
    if found is None:
        return None
    signer, digits = found.groups()
    if signer is None:
        return timestamp_ms(digits)
    date = re.search(_DATE.format(signer), unquote(url), re.IGNORECASE)
    start_ms, life_s = complete_ms, int(digits)
    if date:
        try:
            start = datetime.strptime(f"{date[1].upper()}Z", "%Y%m%dT%H%M%S%z")
        except ValueError:
            return None
        start_ms = int(start.timestamp() * 1000)
    return timestamp_ms(start_ms + life_s * 1000) if start_ms is not None and life_s < _MAX_LIFE_S else None
