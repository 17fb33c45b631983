"""Content addressing: CIDs, UnixFS, hash-checked retrieval through gateways."""
