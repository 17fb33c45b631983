"""Owns the database: event store, consistency state, saga."""
