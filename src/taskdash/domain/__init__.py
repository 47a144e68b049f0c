"""The domain model of taskdash. Every module here is pure: no I/O, clocks or threads."""
