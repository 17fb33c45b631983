"""Looking a failure's class up in a table, by the name of an exception's class.

Names, so that a table can speak of a client which this library does not import; the tests hold
every name against the client itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from mint_resilience.failures import Failure


def nearest(
    error: BaseException, table: Mapping[str, type[Failure]], default: type[Failure]
) -> type[Failure]:
    """What the table says of the error's class, or else of its nearest base class."""
    for each in type(error).__mro__:
        if each.__name__ in table:
            return table[each.__name__]
    return default
