"""Avro schemas of the events: made from the catalogue, published in `schemas/`, kept compatible.

`derive` makes a schema from a dataclass, `history` knows every version of every type by its
fingerprint, `compatibility` says which changes break a reader, `published` holds the files in
`schemas/` to the code (`python -m mint_events.schema`).
"""
