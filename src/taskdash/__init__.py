"""taskdash: a terminal dashboard for asynchronous image generation jobs."""

__version__ = "2.0.0"
