"""The command line: mint, status, sandbox, demo."""
