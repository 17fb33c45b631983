"""`trimint dlq`: what nobody could work on, and what a person decides about it."""
