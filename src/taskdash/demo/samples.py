"""The tasks a demo starts with: what a user of such an API has on the list on a good day.

All times hang on the moment the server starts. Ten tasks are waiting then; the first of them ends after 5 s,
then one every few seconds, the last before 50 s are over, so that a demo without a terminal can run to its
end in a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from taskdash.demo.jobs import POLICY_FAILURE, Job, compact_json, random_id

if TYPE_CHECKING:
    from random import Random

    from taskdash.domain.task import Json

T2I: Final = "gpt-image-2-text-to-image"
I2I: Final = "gpt-image-2-image-to-image"
T2V: Final = "seedance-2.0-text-to-video"
I2V: Final = "seedance-2.0-image-to-video"

_MINUTE_S: Final = 60.0
_HOUR_S: Final = 3600.0
_DAY_S: Final = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One task of the demo, in times relative to the server's start."""

    model: str
    prompt: str
    created_s: float
    """How long before the start it was created."""
    took_s: float
    """From its creation to its end."""
    files: tuple[str, ...] = ()
    """Its results, by the names in `jobs.MEDIA`."""
    uploads: tuple[str, ...] = ()
    """Its input pictures, by the same names."""
    inputs: dict[str, Json] = field(default_factory=dict)
    """What `input` holds beside the prompt and the input pictures."""
    failure: tuple[str, str] | None = None
    timed_id: bool = False
    """Its ID is of the form `task_<model>_<13 digits>`; else it is a UUID."""

    def job(self, rng: Random, start_ms: int, uploads_url: str) -> Job:
        """Return the task of the server; `rng` makes its ID."""
        create_ms = start_ms - round(self.created_s * 1000)
        timed_id = f"task_{self.model.partition('-text-')[0]}_{create_ms}"
        given: dict[str, Json] = {"prompt": self.prompt}
        if self.uploads:
            given["image_urls"] = [uploads_url + name for name in self.uploads]
        return Job(
            task_id=timed_id if self.timed_id else random_id(rng),
            model=self.model,
            param=compact_json({"model": self.model, "input": {**given, **self.inputs}}),
            create_ms=create_ms,
            finish_ms=create_ms + round(self.took_s * 1000),
            failure=self.failure,
            files=self.files,
        )


_INVALID_IMAGE = (
    "422",
    "Invalid input image: image_urls[0] could not be decoded (expected PNG, JPEG or WebP).",
)
_TIMED_OUT = ("504", "Provider timeout: no result within 60 seconds. No credits were charged.")
_CANCELED = ("499", "Task was canceled.")
_VIDEO_FAILED = ("500", "Internal error at the video provider, please try again later.")

_WAITING: Final = (
    Sample(
        model=T2I,
        prompt="A cinematic portrait of a robot painter",
        created_s=27.127,
        took_s=31.914,
        files=("robot.webp",),
    ),
    Sample(
        model=T2I,
        prompt="Misty mountain layers at sunrise, soft purple haze, a few birds, minimalist illustration",
        created_s=21.968,
        took_s=30.402,
        files=("mountains.webp",),
        inputs={"aspect_ratio": "1:1", "quality": "high"},
    ),
    Sample(
        model=I2I,
        prompt="Turn this into a flat Bauhaus poster, keep the colours of the reference",
        created_s=25.571,
        took_s=38.317,
        files=("bauhaus-2.webp",),
        uploads=("cat.webp", "aurora.webp"),
        inputs={"aspect_ratio": "1:1"},
    ),
    Sample(
        model=T2I,
        prompt="360 equirectangular panorama, first-person view standing on stage at a massive concert, huge "
        "crowd cheering with hands raised, bright stage lights, smoke, dramatic spotlight, ultra "
        "realistic, 2:1 aspect ratio, 4096x2048, no distortion",
        created_s=9.844,
        took_s=26.391,
        failure=POLICY_FAILURE,
    ),
    Sample(
        model=T2I,
        prompt="満月の夜、桜の枝に花びらが舞う、浮世絵風",
        created_s=11.306,
        took_s=32.241,
        files=("cherry-blossom.webp",),
        inputs={"aspect_ratio": "1:1"},
        timed_id=True,
    ),
    Sample(
        model=T2I,
        prompt="Isometric cutaway of a five-storey library, hundreds of tiny readers, every book title "
        "legible",
        created_s=38.215,
        took_s=62.804,
        inputs={"size": "1536x1024", "quality": "high"},
        failure=_TIMED_OUT,
    ),
    Sample(
        model=T2I,
        prompt="Golden sand dunes, long shadows, a small caravan on the ridge",
        created_s=5.236,
        took_s=34.558,
        files=("dunes.webp",),
        inputs={"aspect_ratio": "1:1", "quality": "medium"},
    ),
    Sample(
        model=T2V,
        prompt="A striped lighthouse at dusk, its beam sweeping over the sea, locked camera, seamless loop",
        created_s=71.482,
        took_s=105.893,
        files=("lighthouse.mp4",),
        inputs={"duration": 4, "aspect_ratio": "16:9"},
    ),
    Sample(
        model=I2V,
        prompt="The lighthouse lamp comes on and its beam sweeps over the bay",
        created_s=52.36,
        took_s=92.127,
        files=("lighthouse.mp4",),
        uploads=("lighthouse.webp",),
        inputs={"duration": 4},
    ),
    Sample(
        model=T2V,
        prompt="Northern lights time-lapse over a frozen lake and a spruce forest 🌌",
        created_s=95.741,
        took_s=141.506,
        files=("aurora.mp4",),
        inputs={"duration": 4, "aspect_ratio": "16:9", "seed": 418},
        timed_id=True,
    ),
)

_STILLS: Final = (
    Sample(
        model=T2I,
        prompt="A cat",
        created_s=35.218,
        took_s=33.908,
        files=("cat.webp",),
    ),
    Sample(
        model=T2I,
        prompt="🪐✨ A ringed planet with one pale moon, deep space, tiny stars 🚀",
        created_s=3.2 * _MINUTE_S,
        took_s=29.771,
        files=("planet.webp",),
        inputs={"aspect_ratio": "1:1"},
    ),
    Sample(
        model=T2I,
        prompt="Geometric Bauhaus composition, quarter circles and stripes, bold primaries, four variations",
        created_s=5.4 * _MINUTE_S,
        took_s=36.42,
        files=("bauhaus-1.webp", "bauhaus-2.webp", "bauhaus-3.webp", "bauhaus-4.webp"),
        inputs={"n": 4, "aspect_ratio": "1:1", "quality": "high"},
    ),
    Sample(
        model=T2I,
        prompt="Night city skyline seen across a calm river, full moon on the left, three depths of towers "
        "fading into violet haze, hundreds of lit windows in warm amber with a few cool blue ones, "
        "red aircraft lights on the masts, the whole skyline mirrored in the water with long "
        "horizontal ripples that break the reflections up towards the viewer, flat vector "
        "illustration in the manner of a travel poster, crisp edges, no people, no text, no logo, "
        "subtle grain, wide tonal range from near-black foreground blocks to pale moonlight, "
        "composition in thirds with the waterline at two thirds, designed to be printed at 70 x 70 "
        "cm, leave a quiet area in the upper right corner for a headline",
        created_s=9.1 * _MINUTE_S,
        took_s=31.127,
        files=("city.webp",),
        inputs={"aspect_ratio": "1:1", "quality": "high", "output_format": "webp"},
    ),
    Sample(
        model=T2I,
        prompt="كثبان رملية ذهبية عند الغروب مع قافلة من الجمال في الأفق",
        created_s=14.5 * _MINUTE_S,
        took_s=27.634,
        files=("dunes-at-dusk.webp",),
    ),
    Sample(
        model=T2I,
        prompt="Hot-air balloons drifting over blue ridges on a clear morning",
        created_s=22.3 * _MINUTE_S,
        took_s=34.725,
        files=("balloons.webp",),
        inputs={"aspect_ratio": "1:1", "seed": 77120},
    ),
    Sample(
        model=T2I,
        prompt="Liquid silk, folds of deep violet and peach, abstract wallpaper",
        created_s=41 * _MINUTE_S,
        took_s=41.209,
        files=("silk.webp",),
        inputs={"aspect_ratio": "1:1"},
    ),
    Sample(
        model=T2I,
        prompt="Red and white lighthouse on a headland, dusk, beam across the bay, WPA poster",
        created_s=2.1 * _HOUR_S,
        took_s=30.516,
        files=("lighthouse.webp",),
        timed_id=True,
    ),
    Sample(
        model=T2I,
        prompt="云雾缭绕的群山,水墨风格,清晨第一缕阳光",
        created_s=5.4 * _HOUR_S,
        took_s=38.883,
        files=("mountains-in-ink.webp",),
        inputs={"aspect_ratio": "1:1"},
    ),
    Sample(
        model=I2I,
        prompt="Same cat, autumn evening, a warmer room, keep the moon and the plant",
        created_s=6.5 * _MINUTE_S,
        took_s=38.902,
        files=("cat-in-autumn.webp",),
        uploads=("cat.webp",),
        inputs={
            "aspect_ratio": "1:1",
            "quality": "high",
            "background": "opaque",
            "output_format": "webp",
            "seed": 20260,
        },
    ),
    Sample(
        model=I2I,
        prompt="Make the beret blue and the key light warmer, keep the painting",
        created_s=33 * _MINUTE_S,
        took_s=43.95,
        files=("robot-in-blue.webp",),
        uploads=("robot.webp",),
    ),
    Sample(
        model=I2I,
        prompt="Ink wash version of this range, pale morning light",
        created_s=3.3 * _HOUR_S,
        took_s=36.671,
        files=("mountains-in-ink.webp",),
        uploads=("mountains.webp",),
        inputs={"strength": 0.65},
    ),
    Sample(
        model=I2I,
        prompt="Make it look like a sunset in late summer",
        created_s=2.1 * _DAY_S,
        took_s=41.48,
        files=("mountains-at-dusk.webp",),
        uploads=("mountains.webp",),
    ),
)

_CLIPS: Final = (
    Sample(
        model=T2V,
        prompt="A lighthouse beam turning over a calm bay, stars coming out, loop",
        created_s=11 * _MINUTE_S,
        took_s=112.34,
        files=("lighthouse.mp4",),
        inputs={"duration": 4, "aspect_ratio": "16:9"},
    ),
    Sample(
        model=T2V,
        prompt="Aurora over a lake at night, reflections trembling on the water",
        created_s=1.6 * _HOUR_S,
        took_s=96.118,
        files=("aurora.mp4",),
        inputs={"duration": 4},
    ),
    Sample(
        model=T2V,
        prompt="Curtains of green and violet light, slow, seamless, no camera movement",
        created_s=1.2 * _DAY_S,
        took_s=131.702,
        files=("aurora.mp4",),
        inputs={"duration": 4, "aspect_ratio": "16:9", "seed": 5},
    ),
    Sample(
        model=I2V,
        prompt="Only the beam moves, everything else is still",
        created_s=18 * _MINUTE_S,
        took_s=84.295,
        files=("lighthouse.mp4",),
        uploads=("lighthouse.webp",),
        inputs={"duration": 4},
    ),
    Sample(
        model=I2V,
        prompt="Let the northern lights drift, keep the forest dark",
        created_s=4.2 * _HOUR_S,
        took_s=78.46,
        files=("aurora.mp4",),
        uploads=("aurora.webp",),
        inputs={"duration": 4},
    ),
    Sample(
        model=I2V,
        prompt="Slow pulse of the lights, mirrored in the lake",
        created_s=3.1 * _DAY_S,
        took_s=90.877,
        files=("aurora.mp4",),
        uploads=("aurora.webp",),
        inputs={"duration": 4},
    ),
)

_FAILED: Final = (
    Sample(
        model=I2I,
        prompt="Remove the background, keep the soft shadow",
        created_s=16.4,
        took_s=4.102,
        inputs={"image_urls": ["https://example.com/shared/IMG_2041.heic"], "background": "transparent"},
        failure=_INVALID_IMAGE,
    ),
    Sample(
        model=T2I,
        prompt="Movie poster with the face of a well-known actor, photorealistic",
        created_s=7.7 * _MINUTE_S,
        took_s=18.3,
        inputs={"aspect_ratio": "2:3"},
        failure=POLICY_FAILURE,
    ),
    Sample(
        model=T2I,
        prompt="Test, please ignore",
        created_s=37 * _MINUTE_S,
        took_s=12.05,
        failure=_CANCELED,
    ),
    Sample(
        model=T2V,
        prompt="Drone shot through a canyon, golden hour, 4K",
        created_s=2.7 * _HOUR_S,
        took_s=180.4,
        inputs={"duration": 10, "resolution": "1080p"},
        failure=_VIDEO_FAILED,
    ),
)

SAMPLES: Final[tuple[Sample, ...]] = tuple(
    sorted((*_WAITING, *_STILLS, *_CLIPS, *_FAILED), key=lambda sample: sample.created_s)
)
"""Latest first, as a list shows them."""
