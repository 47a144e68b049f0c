"""Knows the settings, the sources they are read from, and the paths of files.

Import from the submodules: none is loaded here, so that a command only pays for those it uses.
"""
