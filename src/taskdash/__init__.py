"""taskdash: a terminal dashboard for asynchronous image generation jobs."""

__version__ = "1.0.0"
