"""The page of requirements says what is shown, what is not, and refuses what nobody explained."""

from __future__ import annotations

from requirements_table import read_texts, render, unknown

TEXTS = """
[MF]
title = "The minting flow"
1 = "One meaning for ever."
2 = "Judged before anything is spent."
"""
SHOWN = {"MF-1": frozenset({"libs/a/tests/test_b.py::test_the_same_request_again"})}


def test_a_requirement_is_listed_with_the_tests_that_show_it() -> None:
    page = render(read_texts(TEXTS), SHOWN)

    link = "[the same request again](../libs/a/tests/test_b.py)"
    assert f"| MF-1 | One meaning for ever. | {link} |" in page


def test_a_requirement_that_no_test_shows_is_listed_without_one() -> None:
    page = render(read_texts(TEXTS), SHOWN)

    assert "| MF-2 | Judged before anything is spent. |  |" in page


def test_a_marker_that_nobody_explained_is_found() -> None:
    assert unknown(read_texts(TEXTS), {**SHOWN, "MF-99": frozenset({"t"})}) == {"MF-99"}
