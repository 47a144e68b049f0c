"""The command line, one module per group of commands. Textual and httpx are imported only when needed."""
