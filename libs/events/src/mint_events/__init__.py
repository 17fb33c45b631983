"""Event catalogue, envelope, codec, consuming runtime and event store."""
