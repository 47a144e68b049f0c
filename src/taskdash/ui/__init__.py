"""The dashboard. The only place that imports textual and rich."""
