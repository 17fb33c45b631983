"""The checks' pure side: what was expected and what was seen, to a verdict with its evidence."""
