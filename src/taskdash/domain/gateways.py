"""Describes gateways: the paths of their records, the header that carries the key, and how many checks they allow."""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskdash.domain.record import Throttle

RECORD_PATH: Final = "/api/v1/jobs/recordInfo"
FAMILIES: Final = {
    "/api/v1/veo/record-info": "veo veo2 veo3",
    "/api/v1/generate/record-info": "suno music",
    "/api/v1/gpt4o-image/record-info": "gpt4o gpt-4o 4o",
    "/api/v1/flux/kontext/record-info": "kontext fluxkontext flux-kontext flux_kontext",
    "/api/v1/runway/record-detail": "runway",
    "/api/v1/mj/record-info": "mj midjourney",
    "/api/v1/aleph/record-info": "aleph",
    "/api/v1/suno/cover/record-info": "suno-cover suno_cover",
    "/api/v1/nanobanana/record-info": "",
    "/v1/tasks/{id}": "unified",
    "/v1/videos/{id}": "video",
}
"""The path of each family's records, the most common first, and the words that identify its IDs and labels."""
AUTH_HEADER: Final = "Authorization: Bearer {key}"
ID_MARK: Final = "{id}"
KEY_MARK: Final = "{key}"
_FRAME: Final = r"(?i)^/(?:api/)?(?:v\d+/)?|(?:/?(?:record-?(?:info|detail)|\{id\}))?(?:\?.*)?$"
"""The parts of a path around the name of the family."""


def target_of(path: str, task_id: str) -> str:
    """Return the path and query that request the record of a task."""
    word = quote(task_id, safe="")
    if ID_MARK not in path:
        return f"{path}{'&' if '?' in path else '?'}taskId={word}"
    # A path segment of dots alone would lead out of the path.
    return path.replace(ID_MARK, word if word.strip(".") else word.replace(".", "%2E"))


def header_of(auth_header: str, key: str) -> tuple[str, str]:
    """Return name and value of the header that carries the key."""
    name, _, value = auth_header.partition(":")
    return name.strip(), value.strip().replace(KEY_MARK, key)


def family_of(path: str | None) -> str | None:
    """Return the name of a path's family: `flux/kontext` for `/api/v1/flux/kontext/record-info`."""
    return re.sub(_FRAME, "", path) or path if path else None


# Limits


class Limits(NamedTuple):
    """Limits the checks in any 1 s and in any 60 s."""

    per_second: int
    per_minute: int


TIERS: Final[Mapping[str, Limits]] = MappingProxyType(
    {
        "free": Limits(2, 60),
        "basic": Limits(20, 1000),
        "standard": Limits(50, 3000),
        "pro": Limits(100, 6000),
        "ultra": Limits(200, 12000),
        "enterprise": Limits(500, 30000),
    }
)
"""What AI GPT Image grants `recordInfo` per key, by the key's tier (its rate limit page)."""


def allowed(limits: Limits, share: float) -> Limits:
    """Return our part of a key's limits: each times `share` (0 to 1), rounded down, never below 1."""
    # 0.29 * 100 is 28.999... in binary: the share is meant as it is written.
    return Limits(*(max(1, int(round(share * limit, 9))) for limit in limits))


def learned(throttle: Throttle, current: Limits, written: Limits | None) -> Limits:
    """Return the key's limits as corrected by a 429 that states them.

    Its `limit` applies to its own window and overrides the tier's table; its `tier` fills in the other window; anything
    it leaves out stays as in `current` (limits before the share is applied). Explicit limits from the profile
    (`written`), as opposed to a tier, are only ever lowered.
    """
    limits = TIERS.get((throttle.tier or "").strip().lower(), current)
    if throttle.limit is not None and throttle.limit > 0:
        limits = _with_limit(limits, throttle.limit, max(1, throttle.window_s or 60))
    if written is not None:
        limits = Limits(*map(min, limits, written))
    return limits


def _with_limit(limits: Limits, limit: int, window_s: int) -> Limits:
    """Return `limits` with `limit` checks per `window_s` worked in; windows other than 1 and 60 s are rounded down."""
    if window_s == 1:
        return Limits(limit, limits.per_minute)
    if window_s >= 60:
        # By the minutes that such a window touches: spread evenly, two minutes' checks may fall into 90 s.
        return Limits(limits.per_second, max(1, limit // math.ceil(window_s / 60)))
    if limit < window_s:
        # Less than one a second: only allowing this window's checks for a whole minute is certain to be safe.
        return Limits(1, limit)
    return Limits(limit // window_s, limit * 60 // window_s)
