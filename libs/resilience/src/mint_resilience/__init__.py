"""Failure classes, backoff, budgets, breakers and endpoint pools."""
