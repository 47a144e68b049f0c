"""An API on loopback with sample tasks: the dashboard without a key, and a target for scripts."""
