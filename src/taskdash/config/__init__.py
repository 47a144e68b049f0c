"""What can be set, where it comes from, and where files are. None is loaded here: a command pays for what it uses."""
