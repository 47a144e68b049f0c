"""Draws the pictures and clips of the demo, and plays its song, which ship as data: `src/taskdash/demo/media`.

They are drawn once. Run it again only after a change in `scenes`, look at what came of it, and commit the files:

    python screenshots/draw_demo.py [NAME ...]

Clips and the song need ffmpeg with libx264 and libmp3lame.
"""

from __future__ import annotations

import math
import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

from PIL import Image

from scenes import abstracts, figures, landscapes, nightscapes, planets, robots, seascapes
from scenes.canvas import Canvas, Palette, colour

FOLDER: Final = Path(__file__).parents[1] / "src" / "taskdash" / "demo" / "media"
SIDE: Final = 768
CLIP_SIZE: Final = (640, 360)
CLIP_FRAMES: Final = 96
CLIP_FPS: Final = 24

Scene: TypeAlias = Callable[[Canvas, Random, Palette, float], None]

# A scene's docstring names the colours of its palette in their order.
SCENES: Final[dict[str, tuple[Scene, int, str]]] = {
    "aurora": (nightscapes.aurora, 4, "060b22 143a52 5cf2a8 a06bff 06121a"),
    "balloons": (
        landscapes.balloons,
        5,
        "5a9bd5 a9d0ec fbe3c8 fff1cf a3bcd6 24425e e4572e f3a712 2e86ab a23b72",
    ),
    "bauhaus-1": (abstracts.bauhaus, 40, "f2e8d5 d7392f 1f4e8c f2b632 1c1c22 e88d67"),
    "bauhaus-2": (abstracts.bauhaus, 41, "efe9e1 0f6f6a f26b4a f4c95d 22313f 9bc4bc"),
    "bauhaus-3": (abstracts.bauhaus, 42, "f7f0e6 5b3a8c e84a72 f9a03f 1f2440 4aa8a0"),
    "bauhaus-4": (abstracts.bauhaus, 43, "ece4da 2a2a2e b8402a d9a441 5f7a6a 8a9aa8"),
    "cat": (figures.cat, 4, "3a2a3f 6a4a3f 0d1440 5a4a8a fdf0c8 14121f ffc46b"),
    "cat-in-autumn": (figures.cat, 9, "5a2f26 8f5f3c 2a1a4a b85a3c ffe6b8 1c1014 ffd08a"),
    "cherry-blossom": (figures.cherry, 8, "2b2350 c86a8a ffeccc 2a1a22 ffe3ec f27ba5"),
    "city": (nightscapes.city, 4, "0a0f2c 5a3f7a fdf3d0 3b3a6e 14152f ffcf73 8fd3ff"),
    "dunes": (landscapes.dunes, 4, "3c6e91 f4c48a fff0c2 e8a04e 8c3f2b f3c796"),
    "dunes-at-dusk": (landscapes.dunes, 7, "2a1f4a d9776b ffdca8 d98a5a 5a2340 e2a08a"),
    "lighthouse": (seascapes.lighthouse, 4, "0f1638 d4787a ffd98a 2a4a72 1d2036 c8443e"),
    "mountains": (landscapes.mountains, 3, "23315f 8a6f95 f2a67e ffe3ae 9a8fb0 1c2038"),
    "mountains-at-dusk": (landscapes.mountains, 18, "3b1d3a a3415b f58f5b ffd68a b0637a 2a1028"),
    "mountains-in-ink": (landscapes.mountains, 12, "16324a 3f7d8c cfe0c3 fff6d8 7fa6a8 0d2530"),
    "planet": (planets.planet, 4, "070a1c 4a2a6a f2d0a0 9a5a44 e8d3b0 c8d0dc"),
    "robot": (robots.robot, 4, "3a2f4f ffd9a0 a9b8c8 3b4660 6df0ff c8384a e4572e f3a712 2e86ab 5b3a8c"),
    "robot-in-blue": (
        robots.robot,
        11,
        "24403f ffe6b0 d8c9a8 5a4a3f ffb84a 2e5fa8 d7392f f2b632 1f8a8c 3b4a7c",
    ),
    "silk": (abstracts.silk, 4, "1b0a3f 4b2a8c 7597de f6a6c1 ffd3a5"),
    "waves": (seascapes.waves, 4, "2b2a5e b0567a f79a6b ffdf9e 6b5b95 10254a"),
}
"""What is drawn, from which seed, and in which colours."""
CLIPS: Final = ("aurora", "lighthouse")
SONG: Final = "piano"
CHORDS: Final = ((57, 64, 69, 72), (53, 60, 65, 69), (48, 55, 64, 67), (55, 62, 67, 71), (57, 64, 69, 76))
"""Each is played upwards, a note every 0.3 s, as MIDI numbers them."""
SAMPLE_RATE: Final = 22_050


def draw(name: str, size: tuple[int, int], phase: float = 0.0) -> Image.Image:
    """Return a picture of a scene; `phase` runs from 0 to 1 over a clip, where the scene is as it was at 0."""
    scene, seed, palette = SCENES[name]
    canvas = Canvas(*size)
    rng = Random(seed)  # noqa: S311 - draws a picture, keeps no secret
    scene(canvas, rng, tuple(colour(text) for text in palette.split()), phase)
    return canvas.picture()


def write_picture(name: str, path: Path) -> None:
    """Write a WebP: without loss where a few colours are all there is, which is smaller, too."""
    picture = draw(name, (SIDE, SIDE))
    if name.startswith("bauhaus"):
        picture.quantize(48, dither=Image.Dither.NONE).save(path, lossless=True, method=6, quality=100)
    else:
        picture.save(path, method=6, quality=75)


def write_clip(name: str, path: Path) -> None:
    """Write an MP4 that any browser plays, with its index at the start."""
    width, height = CLIP_SIZE
    source = (
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{width}x{height}",
        "-r",
        str(CLIP_FPS),
        "-i",
        "-",
    )
    coding = ("-c:v", "libx264", "-preset", "veryslow", "-crf", "27", "-pix_fmt", "yuv420p", "-g", "250")
    command = ["ffmpeg", "-v", "error", "-y", *source, *coding, "-movflags", "+faststart", str(path)]
    frames = (draw(name, CLIP_SIZE, number / CLIP_FRAMES).tobytes() for number in range(CLIP_FRAMES))
    subprocess.run(command, input=b"".join(frames), check=True)  # noqa: S603 - a program named here


def write_song(path: Path) -> None:
    """Write an MP3: broken chords of a soft piano, each note a few sines that die away."""
    notes = [note for chord in CHORDS for note in chord]
    length = int((0.3 * len(notes) + 1.2) * SAMPLE_RATE)
    sound = [0.0] * length
    for place, note in enumerate(notes):
        start, pitch_hz = int(0.3 * place * SAMPLE_RATE), 440 * 2 ** ((note - 69) / 12)
        for at in range(min(length - start, int(1.4 * SAMPLE_RATE))):
            seconds = at / SAMPLE_RATE
            tone = sum(math.sin(math.tau * pitch_hz * n * seconds) / n**2 for n in (1, 2, 3))
            sound[start + at] += 0.22 * tone * min(1.0, seconds * 80) * math.exp(-3 * seconds)
    pcm = array("h", (int(32_000 * max(-1.0, min(1.0, each))) for each in sound)).tobytes()
    source = ("-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "-")
    coding = ("-c:a", "libmp3lame", "-b:a", "32k", "-map_metadata", "-1")
    command = ["ffmpeg", "-v", "error", "-y", *source, *coding, str(path)]
    subprocess.run(command, input=pcm, check=True)  # noqa: S603 - a program named here


def main() -> None:
    """Draw all files, or those named as arguments."""
    FOLDER.mkdir(exist_ok=True)
    for name in SCENES:
        path = FOLDER / f"{name}.webp"
        if not sys.argv[1:] or path.name in sys.argv[1:]:
            write_picture(name, path)
            print(path.name, path.stat().st_size, flush=True)
    for name in CLIPS:
        path = FOLDER / f"{name}.mp4"
        if not sys.argv[1:] or path.name in sys.argv[1:]:
            write_clip(name, path)
            print(path.name, path.stat().st_size, flush=True)
    path = FOLDER / f"{SONG}.mp3"
    if not sys.argv[1:] or path.name in sys.argv[1:]:
        write_song(path)
        print(path.name, path.stat().st_size, flush=True)


if __name__ == "__main__":
    main()
