"""Serves a demo API on loopback with sample tasks, to try the dashboard without a key and to test scripts against."""
