"""Checks all three layers with its own clients."""
