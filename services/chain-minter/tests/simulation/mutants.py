"""The product without one of its guards, each with the invariant that then fails.

A mutant is the product with one function or one port put in the place of another; the product
knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import pytest

from chain_minter import confirmation, flight
from chain_minter.flight import Flight
from chain_minter.inflight import Inflight
from chain_minter.service import Minter

from .weakened import (
    AddressOfAttempt,
    AlwaysTheFirst,
    Decide,
    HearsEverybody,
    NoHistory,
    ProcessedHeights,
    SlotsForHeights,
    absent_when_unseen,
    any_is_spent,
    blind_to_accounts,
    by_wall_clock,
    complete_at_once,
    counted_in_any_case,
    errors_at_once,
    everybody,
    failing_on,
    first_without_looking,
    give_up_unacknowledged,
    highest,
    incomplete_to_any_reader,
    landed_when_processed,
    load_nothing,
    missing_to_the_first,
    new_bytes_each_time,
    parked_and_forgotten,
    remember_only,
    signed_on_one_word,
    undecided_is_absent,
    unknown_is_gone,
)
from .world import Product

MAY_LAND = "may still land"
THERE = "for what is there"
PRODUCT = Product()


@dataclass(frozen=True, slots=True)
class Mutant:
    """`guard` is what it lacks, `breaks` part of what the simulation then says."""

    guard: str
    breaks: str
    make: Callable[[pytest.MonkeyPatch], Product]


def without_function(module: object, name: str, instead: object) -> Callable[..., Product]:
    def make(patch: pytest.MonkeyPatch) -> Product:
        patch.setattr(module, name, instead)
        return PRODUCT

    return make


def deciding(instead: Decide) -> Callable[..., Product]:
    return without_function(flight, "decide", instead)


def with_product(product: Product) -> Callable[..., Product]:
    return lambda _: product


MUTANTS = (
    Mutant(
        "the address follows from the mint_id",
        "two tokens",
        with_product(Product(signer=AddressOfAttempt)),
    ),
    Mutant(
        "recorded before it is sent",
        "sent before",
        without_function(Inflight, "record", remember_only),
    ),
    Mutant(
        "a restarted process goes on with what is recorded",
        MAY_LAND,
        without_function(Inflight, "load", load_nothing),
    ),
    Mutant(
        "what Kafka did not acknowledge is recorded again, not signed again",
        MAY_LAND,
        without_function(Inflight, "record", give_up_unacknowledged),
    ),
    Mutant(
        "parked is not forgotten",
        "more than 3",
        without_function(Minter, "_parked", parked_and_forgotten),
    ),
    Mutant("the same bytes are sent again", MAY_LAND, deciding(new_bytes_each_time)),
    Mutant(
        "expiry goes by finalized heights, not processed ones",
        MAY_LAND,
        with_product(Product(chain=ProcessedHeights)),
    ),
    Mutant(
        "expiry goes by heights, not slots", MAY_LAND, with_product(Product(chain=SlotsForHeights))
    ),
    Mutant("expiry does not go by the wall clock", MAY_LAND, deciding(by_wall_clock)),
    Mutant(
        "landed is what is confirmed",
        "confirmed by",
        without_function(confirmation, "_landed", landed_when_processed),
    ),
    Mutant(
        "the next endpoint gets the bytes, too",
        "though an endpoint",
        with_product(Product(chain=AlwaysTheFirst)),
    ),
    Mutant("the history is searched", "that failed", with_product(Product(chain=NoHistory))),
    Mutant(
        "every endpoint has to agree",
        MAY_LAND,
        without_function(confirmation, "_is_spent", any_is_spent),
    ),
    Mutant(
        "who can not answer does not hold the others up",
        "no end",
        with_product(Product(chain=HearsEverybody)),
    ),
    Mutant(
        "no endpoint of several decides alone",
        "new signature",
        without_function(confirmation, "_are_enough", lambda _, __: True),
    ),
    Mutant(
        "who lags does not hold the others up",
        "no end",
        without_function(confirmation, "_witnesses", everybody),
    ),
    Mutant(
        "who lags is told by the majority, not by the highest",
        "no end",
        without_function(confirmation, "_majority_height", highest),
    ),
    Mutant(
        "what is not seen was looked for late enough",
        "that failed",
        without_function(confirmation, "_is_read_in_time", lambda _: True),
    ),
    Mutant(
        "the blockhash is asked for, too",
        MAY_LAND,
        without_function(confirmation, "_is_blockhash_gone", lambda _, __: True),
    ),
    Mutant(
        "who does not know the blockhash yet does not say that it is gone",
        MAY_LAND,
        without_function(confirmation, "_is_blockhash_gone", unknown_is_gone),
    ),
    Mutant(
        "a last valid height that can not be is not waited for",
        "no end",
        without_function(confirmation, "MOST_BLOCKS_AHEAD", inf),
    ),
    Mutant(
        "a failure counts when it is finalized",
        MAY_LAND,
        deciding(errors_at_once),
    ),
    Mutant("the account is asked for before signing again", THERE, deciding(blind_to_accounts)),
    Mutant(
        "the account is asked for before signing first",
        THERE,
        without_function(Flight, "_look", first_without_looking),
    ),
    Mutant(
        "an unsigned part is looked at everywhere",
        THERE,
        without_function(confirmation, "_first_signature", signed_on_one_word),
    ),
    Mutant(
        "the furthest reader says what is missing",
        THERE,
        without_function(Flight, "_heard", missing_to_the_first),
    ),
    Mutant("a part is completed when everybody sees no more", THERE, deciding(complete_at_once)),
    Mutant(
        "a part is completed when it is final and read late enough",
        THERE,
        without_function(confirmation, "_finally_incomplete", incomplete_to_any_reader),
    ),
    Mutant(
        "AlreadyProcessed means look",
        "new signature",
        without_function(Flight, "_send", failing_on("already been processed")),
    ),
    Mutant(
        "in use means look",
        MAY_LAND,
        without_function(Flight, "_send", failing_on("already in use")),
    ),
    Mutant("absent is said when nothing can land any more", MAY_LAND, deciding(absent_when_unseen)),
    Mutant(
        "what is not decided is unknown, not absent",
        "said to be absent",
        deciding(undecided_is_absent),
    ),
    Mutant(
        "a signature that nobody took is no attempt",
        "that failed",
        without_function(confirmation, "_next_signature", counted_in_any_case),
    ),
    Mutant("three signatures and no more", "more than 3", with_product(Product(max_signatures=9))),
)
