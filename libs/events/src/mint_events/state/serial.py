"""A state as compact JSON and back, for its row in the database.

Facts that are not known are left out. The same state always gives the same text, and a state
written before a fact was added to the code is read as one where that fact is not known.
"""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from mint_events.state.facts import MintState

_STATE = TypeAdapter(MintState)


def dumps(state: MintState) -> str:
    """The state as JSON, without spaces and defaults."""
    return _STATE.dump_json(state, exclude_defaults=True).decode()


def loads(text: str) -> MintState:
    """The state that `dumps` wrote. Raises `ValueError` for anything else."""
    try:
        return _STATE.validate_json(text)
    except ValidationError as error:
        raise ValueError(f"not a mint's state: {error}; rebuild it by a replay") from error
