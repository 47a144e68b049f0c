"""The scenes that the demo shows, and what they are drawn with."""
