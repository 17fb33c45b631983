"""The AsyncAPI document of Trimint's topics, made from the code.

`python -m mint_events.asyncapi` writes `schemas/asyncapi.yaml`; with it, the schemas beside it and
any Avro library, a producer in any language can publish a `MintRequested` (DE-3).
"""
