"""Models what taskdash is about, without I/O, clocks or threads: every module here is pure."""
