"""The pictures behind the demo's links: which scene suits a prompt, and a bounded store of files.

A picture is drawn when it is first asked for and is the same for the same seed, so one that was dropped from
memory comes back byte for byte, and a broken-off download can go on.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from random import Random
from typing import Final, TypeAlias

from taskdash.demo import abstracts, figures, landscapes, nightscapes, planets, robots, seascapes
from taskdash.demo.canvas import Canvas, Palette, colour
from taskdash.demo.clips import encode_clip
from taskdash.demo.png import encode_png
from taskdash.domain.values import value

SIDE: Final = 768
"""Pixels of a picture nobody asked a size for."""
MIN_SIDE: Final = 256
MAX_SIDE: Final = 1536
MAX_MEMORY_BYTES: Final = 48 << 20

Scene: TypeAlias = Callable[[Canvas, Random, Palette, float], None]

# The order of colours in a palette is the scene's own; its docstring names it.
SCENES: Final[dict[str, tuple[Scene, tuple[str, ...]]]] = {
    "mountains": (
        landscapes.mountains,
        (
            "23315f 8a6f95 f2a67e ffe3ae 9a8fb0 1c2038",
            "16324a 3f7d8c cfe0c3 fff6d8 7fa6a8 0d2530",
            "3b1d3a a3415b f58f5b ffd68a b0637a 2a1028",
        ),
    ),
    "balloons": (
        landscapes.balloons,
        (
            "5a9bd5 a9d0ec fbe3c8 fff1cf a3bcd6 24425e e4572e f3a712 2e86ab a23b72",
            "6d5a9c d98aa5 fcd5a8 fff0c8 b59ac4 2f2750 f25f5c ffe066 247ba0 70c1b3",
        ),
    ),
    "dunes": (
        landscapes.dunes,
        (
            "3c6e91 f4c48a fff0c2 e8a04e 8c3f2b f3c796",
            "2a1f4a d9776b ffdca8 d98a5a 5a2340 e2a08a",
        ),
    ),
    "waves": (
        seascapes.waves,
        (
            "2b2a5e b0567a f79a6b ffdf9e 6b5b95 10254a",
            "123a5a 4f8fa8 f6d9a6 fff4cf 3f8096 06283c",
        ),
    ),
    "lighthouse": (
        seascapes.lighthouse,
        (
            "0f1638 d4787a ffd98a 2a4a72 1d2036 c8443e",
            "081a2b 3f7f86 fff0b8 12475a 0e1a24 e0a03a",
        ),
    ),
    "city": (
        nightscapes.city,
        (
            "0a0f2c 5a3f7a fdf3d0 3b3a6e 14152f ffcf73 8fd3ff",
            "04121c 14495a e8f6ff 1f4a5c 08161f ffd98c 7ff0d8",
            "1a0a2e a8326e ffe3d0 4a2a6e 1a0f2e ff9ad5 7ad7ff",
        ),
    ),
    "planet": (
        planets.planet,
        (
            "070a1c 4a2a6a f2d0a0 9a5a44 e8d3b0 c8d0dc",
            "04101a 12506a a8e6f0 2a6a94 d0e8f0 e8c8a0",
        ),
    ),
    "aurora": (
        nightscapes.aurora,
        (
            "060b22 143a52 5cf2a8 a06bff 06121a",
            "0b0822 2a2452 ff7ad0 5ad8ff 0a0a18",
        ),
    ),
    "robot": (
        robots.robot,
        (
            "3a2f4f ffd9a0 a9b8c8 3b4660 6df0ff c8384a e4572e f3a712 2e86ab 5b3a8c",
            "24403f ffe6b0 d8c9a8 5a4a3f ffb84a 2e5fa8 d7392f f2b632 1f8a8c 3b4a7c",
        ),
    ),
    "cat": (
        figures.cat,
        (
            "3a2a3f 6a4a3f 0d1440 5a4a8a fdf0c8 14121f ffc46b",
            "5a2f26 8f5f3c 2a1a4a b85a3c ffe6b8 1c1014 ffd08a",
        ),
    ),
    "cherry": (
        figures.cherry,
        (
            "2b2350 c86a8a ffeccc 2a1a22 ffe3ec f27ba5",
            "7fb4d8 f4dfe6 fffaf0 3a2620 fff0f4 f08fb0",
        ),
    ),
    "bauhaus": (
        abstracts.bauhaus,
        (
            "f2e8d5 d7392f 1f4e8c f2b632 1c1c22 e88d67",
            "efe9e1 0f6f6a f26b4a f4c95d 22313f 9bc4bc",
            "f7f0e6 5b3a8c e84a72 f9a03f 1f2440 4aa8a0",
            "ece4da 2a2a2e b8402a d9a441 5f7a6a 8a9aa8",
        ),
    ),
    "silk": (
        abstracts.silk,
        (
            "1b0a3f 4b2a8c 7597de f6a6c1 ffd3a5",
            "03120f 0b4f4a 1fa187 a8e6a1 fff7c9",
            "2a0510 8c1c3a e0524a f7a072 ffe8c8",
        ),
    ),
}

# The first word found in a prompt decides; later lines are the more general ones.
_WORDS: Final = (
    ("robot", "robot android painter portrait person face"),
    ("cat", "cat kitten dog pet animal window"),
    ("cherry", "cherry sakura blossom flower garden spring 桜 樱"),
    ("balloons", "balloon airship"),
    ("lighthouse", "lighthouse beacon harbour harbor coast"),
    ("aurora", "aurora northern lights polar winter snow forest"),
    ("planet", "planet space star galaxy rocket moon cosmic"),
    ("dunes", "desert dune sand camel sahara"),
    ("city", "city skyline street neon building night cyberpunk tokyo"),
    ("waves", "ocean sea wave beach sunset water"),
    ("mountains", "mountain hill landscape mist fog nature sunrise 山"),
    ("bauhaus", "poster logo geometric bauhaus icon pattern flat"),
)


@value(frozen=True, slots=True)
class Picture:
    """A picture that can be drawn: equal ones give equal bytes."""

    scene: str
    palette: int = 0
    """Counts round: any number will do."""
    seed: int = 0
    width: int = SIDE
    height: int = SIDE
    moving: bool = False
    """A clip (MP4) and no still; it has the size of all clips."""

    @property
    def extension(self) -> str:
        """The file's extension, without the dot."""
        return "mp4" if self.moving else "png"

    @property
    def media_type(self) -> str:
        """The value of `Content-Type`."""
        return "video/mp4" if self.moving else "image/png"

    def encode(self) -> bytes:
        """Draw it; this takes about half a second, a clip about two."""
        if self.moving:
            return encode_clip(self._draw)
        canvas = Canvas(self.width, self.height)
        self._draw(canvas, 0.0)
        return encode_png(self.width, self.height, canvas.rgb())

    def _draw(self, canvas: Canvas, phase: float) -> None:
        scene, palettes = SCENES[self.scene]
        palette = tuple(colour(text) for text in palettes[self.palette % len(palettes)].split())
        scene(canvas, Random(self.seed), palette, phase)  # noqa: S311  # draws a picture, keeps no secret


def picture_for(prompt: str, number: int, size: tuple[int, int], *, moving: bool) -> Picture:
    """Return the picture that suits a prompt best.

    Args:
        prompt: words in it decide the scene, all of it decides the details.
        number: tells several results of one prompt apart.
        size: width and height in pixels; a clip has its own.
        moving: whether it is a clip.
    """
    width, height = (0, 0) if moving else size
    lowered = prompt.lower()
    tokens = set(re.findall("[a-z]+", lowered))
    tokens |= {token.removesuffix("s") for token in tokens}
    digest = int.from_bytes(hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest()[:4], "big")
    for scene, words in _WORDS:
        # Chinese and Japanese write no spaces: their words are looked for anywhere.
        if any(word in tokens if word.isascii() else word in lowered for word in words.split()):
            return Picture(scene, digest % 7 + number, digest + number, width, height, moving)
    names = sorted(SCENES)
    scene = names[digest % len(names)]
    return Picture(scene, digest % 7 + number, digest + number, width, height, moving)


class Gallery:
    """Finished files, the latest used kept, at most `max_bytes` of them. Safe to use from several threads."""

    def __init__(self, max_bytes: int = MAX_MEMORY_BYTES) -> None:
        """Start empty; one file alone may be larger than `max_bytes`."""
        self._max_bytes = max_bytes
        self._files: OrderedDict[Picture, bytes] = OrderedDict()
        self._files_lock = threading.Lock()
        # One picture at a time: two at once would take as long together and starve the dashboard beside them.
        self._drawing_lock = threading.Lock()

    def file(self, picture: Picture) -> bytes:
        """Return the picture's file, drawn now if need be."""
        found = self._kept(picture)
        if found is not None:
            return found
        with self._drawing_lock:
            found = self._kept(picture)
            if found is None:
                found = picture.encode()
                self._keep(picture, found)
            return found

    def _kept(self, picture: Picture) -> bytes | None:
        with self._files_lock:
            found = self._files.get(picture)
            if found is not None:
                self._files.move_to_end(picture)
            return found

    def _keep(self, picture: Picture, data: bytes) -> None:
        with self._files_lock:
            self._files[picture] = data
            while len(self._files) > 1 and sum(map(len, self._files.values())) > self._max_bytes:
                self._files.popitem(last=False)
