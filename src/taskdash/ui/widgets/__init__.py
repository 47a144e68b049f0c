"""The parts of the dashboard's screen."""
