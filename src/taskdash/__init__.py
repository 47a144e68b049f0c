"""taskdash: a terminal dashboard for asynchronous image generation jobs."""

__version__ = "0.1.0"
