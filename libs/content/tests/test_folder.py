"""Folders of one block get the names that Kubo gives them, and are read back."""

import pytest

from mint_content.cid import Cid, Codec
from mint_content.dagpb import Entry, decode_folder, encode_file, encode_folder, is_folder
from mint_content.unixfs import Block, children_of, cid_of, folder_block
from mint_resilience.failures import Permanent

EMPTY_FOLDER = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
"""Kubo's name of a folder with nothing in it."""


def entry(name: str, data: bytes = b"x") -> Entry:
    return Entry(name, cid_of(data), len(data))


def test_an_empty_folder_has_kubo_s_name() -> None:
    assert str(folder_block(()).cid) == EMPTY_FOLDER


def test_the_order_in_which_entries_are_given_does_not_matter() -> None:
    entries = [entry(name, name.encode()) for name in ("b", "a", "Z", "ä")]

    folder = folder_block(entries)

    assert folder == folder_block(reversed(entries))
    assert [found.name for found in decode_folder(folder.data)] == ["Z", "a", "b", "ä"]
    assert set(decode_folder(folder.data)) == set(entries)
    assert set(children_of(folder)) == {given.cid for given in entries}


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (encode_file((), b"data"), "no folder"),
        (b"", "no folder"),
        (b"\x12\x02\x12\x00" + encode_folder(()), "link without a CID"),
        (encode_folder([entry("n")]).replace(b"\x12\x01n", b"\x12\x01\xff"), "not UTF-8"),
        (encode_folder([entry("n")]).replace(b"\x12\x01n", b"\x10\x81\x00"), "another type"),
    ],
)
def test_what_is_no_folder_of_one_block_is_refused(block: bytes, why: str) -> None:
    with pytest.raises(Permanent, match=why):
        decode_folder(block)


def test_files_and_folders_are_told_apart() -> None:
    assert is_folder(encode_folder(()))
    assert not is_folder(encode_file((), b"data"))
    assert children_of(Block(Cid.of_block(b"x", Codec.RAW), b"x")) == ()
