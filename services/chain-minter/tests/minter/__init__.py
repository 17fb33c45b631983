"""Mints on the real chain of the sandbox, in this process and as a process of its own."""
