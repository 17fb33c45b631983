"""Another URI for an NFT: what the real Token Metadata program does about it, in LiteSVM."""

from __future__ import annotations

from dataclasses import replace

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.transaction import Transaction
from solders.transaction_metadata import FailedTransactionMetadata

from mint_chain import borsh
from mint_chain.accounts import AccountState, Metadata, StoredUses
from mint_chain.addresses import TOKEN_METADATA_PROGRAM
from mint_chain.instructions import missing_steps
from mint_chain.nft import Collection, CreatorShare, Nft
from mint_chain.update import MAX_URI_BYTES, set_uri, sets_uri

from .programs import LARGEST, Chain, five_creators

NEW = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
SIGN_METADATA = 7
SET_COLLECTION_SIZE = 34
IMMUTABLE, WRONG_AUTHORITY, URI_TOO_LONG = "Custom(59)", "Custom(7)", "Custom(13)"


@pytest.fixture
def chain() -> Chain:
    return Chain()


def minted(chain: Chain, mint_id: str = "mint-1", **changes: object) -> Nft:
    nft = chain.nft(mint_id, **changes)
    while steps := chain.steps(nft):
        assert chain.land(steps) is None
    return nft


def metadata_of(chain: Chain, nft: Nft) -> Metadata:
    metadata = chain.observe(nft).metadata
    assert metadata is not None
    return metadata


def account_of(chain: Chain, nft: Nft) -> AccountState:
    account = chain.account(nft.metadata)
    assert account is not None
    return account


def updated(chain: Chain, nft: Nft, uri: str, there: Metadata | None = None) -> str | None:
    """The program's error, or None when the update landed."""
    return chain.land([set_uri(nft.mint, there or metadata_of(chain, nft), uri)])


def assert_only_the_uri_changes(chain: Chain, nft: Nft, uri: str = NEW) -> None:
    """Byte for byte, in the whole account; nothing else of the NFT is touched."""
    before, others = account_of(chain, nft), chain.observe(nft)
    old = metadata_of(chain, nft).uri

    assert updated(chain, nft, uri) is None

    expected = before.data.replace(padded(old), padded(uri))
    assert expected != before.data
    assert account_of(chain, nft) == replace(before, data=expected)
    assert replace(chain.observe(nft), metadata=others.metadata) == others
    assert metadata_of(chain, nft).uri == uri


def padded(uri: str) -> bytes:
    """A URI as the account holds it."""
    return borsh.string(uri + "\0" * (MAX_URI_BYTES - len(uri)))


@pytest.mark.requirement("CH-10")
def test_the_uri_changes_and_nothing_else(chain: Chain) -> None:
    assert_only_the_uri_changes(chain, minted(chain))


@pytest.mark.requirement("CH-10")
def test_the_longest_name_and_the_most_creators_stay(chain: Chain) -> None:
    creators = five_creators(chain.authority.pubkey())
    nft = minted(chain, **LARGEST, creators=creators)

    assert_only_the_uri_changes(chain, nft, uri="v" * MAX_URI_BYTES)


@pytest.mark.requirement("CH-10")
@pytest.mark.parametrize("sized", [False, True])
def test_a_verified_member_of_a_collection_stays_one(chain: Chain, sized: bool) -> None:
    parent = minted(chain, "collection")
    if sized:
        make_sized(chain, parent)
    nft = minted(chain, collection=Collection(mint=parent.mint, verify=True, sized=sized))
    collection = metadata_of(chain, nft).collection
    assert collection is not None
    assert collection.verified

    assert_only_the_uri_changes(chain, nft)


@pytest.mark.requirement("CH-10")
def test_an_unverified_member_of_a_strangers_collection_stays_one(chain: Chain) -> None:
    stranger = Collection(mint=Keypair().pubkey(), verify=False, sized=False)

    assert_only_the_uri_changes(chain, minted(chain, collection=stranger))


@pytest.mark.requirement("CH-10")
def test_the_parent_of_a_sized_collection_keeps_its_size(chain: Chain) -> None:
    parent = minted(chain)
    make_sized(chain, parent)
    assert metadata_of(chain, parent).sized

    assert_only_the_uri_changes(chain, parent)


@pytest.mark.requirement("CH-10")
def test_a_creator_who_has_signed_stays_verified(chain: Chain) -> None:
    artist = Keypair()
    shares = (
        CreatorShare(address=chain.authority.pubkey(), share=10),
        CreatorShare(address=artist.pubkey(), share=60),
        CreatorShare(address=Keypair().pubkey(), share=30),
    )
    nft = minted(chain, creators=shares)
    vouch(chain, nft, artist)
    verified = [creator.verified for creator in metadata_of(chain, nft).creators]
    assert verified == [True, True, False]

    assert_only_the_uri_changes(chain, nft)


@pytest.mark.requirement("CH-10")
def test_what_is_used_up_stays_so(chain: Chain) -> None:
    uses = StoredUses(method=1, remaining=3, total=5)
    nft = minted_with_uses(chain, uses)
    assert metadata_of(chain, nft).uses == uses

    assert_only_the_uri_changes(chain, nft)


@pytest.mark.requirement("CH-10")
def test_an_immutable_account_is_not_changed(chain: Chain) -> None:
    nft = minted(chain, is_mutable=False)
    before = account_of(chain, nft)

    error = updated(chain, nft, NEW)

    assert error is not None
    assert IMMUTABLE in error
    assert account_of(chain, nft) == before


@pytest.mark.requirement("CH-10")
def test_another_authority_may_not_change_it(chain: Chain) -> None:
    nft = minted(chain)
    before = account_of(chain, nft)
    chain.authority = Keypair()
    chain.fund(chain.authority.pubkey(), 10**9)
    pretended = replace(metadata_of(chain, nft), update_authority=chain.authority.pubkey())

    error = updated(chain, nft, NEW, pretended)

    assert error is not None
    assert WRONG_AUTHORITY in error
    assert account_of(chain, nft) == before


@pytest.mark.requirement("CH-10")
def test_one_byte_more_than_the_longest_uri_is_refused(chain: Chain) -> None:
    error = updated(chain, minted(chain), "v" * (MAX_URI_BYTES + 1))

    assert error is not None
    assert URI_TOO_LONG in error


@pytest.mark.requirement("CH-10")
def test_who_saw_the_account_before_it_was_verified_can_not_undo_that(chain: Chain) -> None:
    parent = minted(chain, "collection")
    nft = chain.nft("mint-1", collection=Collection(mint=parent.mint, verify=True, sized=False))
    *steps, verification = chain.steps(nft)
    chain.land(steps)
    outdated = metadata_of(chain, nft)
    chain.land([verification])

    assert updated(chain, nft, NEW, outdated) is not None

    assert metadata_of(chain, nft).collection != outdated.collection


def test_who_set_a_uri_is_told_by_the_transaction(chain: Chain) -> None:
    nft, other = minted(chain), chain.nft("mint-2")
    making = message_of(chain, missing_steps(chain.nft("mint-3"), chain.observe(other), rent=1))
    update = message_of(chain, [set_uri(nft.mint, metadata_of(chain, nft), NEW)])

    assert sets_uri(update, nft.mint, NEW)
    assert sets_uri(making, chain.nft("mint-3").mint, nft.uri)
    assert not sets_uri(update, nft.mint, nft.uri)
    assert not sets_uri(update, nft.mint, NEW[:-1])
    assert not sets_uri(update, other.mint, NEW)


def test_a_uri_that_another_program_is_told_is_set_by_nobody(chain: Chain) -> None:
    nft = minted(chain)
    (update,) = set_uri(nft.mint, metadata_of(chain, nft), NEW)
    other_program = Instruction(Keypair().pubkey(), update.data, update.accounts)

    assert not sets_uri(message_of(chain, [(other_program,)]), nft.mint, NEW)


def test_accounts_that_a_message_only_points_at_are_passed_over(chain: Chain) -> None:
    nft = minted(chain)
    message = message_of(chain, [set_uri(nft.mint, metadata_of(chain, nft), NEW)])
    (instruction,) = message.instructions
    instruction.accounts = bytes([255, *instruction.accounts])
    pointing = MessageV0(
        message.header, message.account_keys, message.recent_blockhash, [instruction], []
    )

    assert sets_uri(pointing, nft.mint, NEW)


def message_of(chain: Chain, steps: list[tuple[Instruction, ...]]) -> Message:
    instructions = [instruction for step in steps for instruction in step]
    return Message(instructions, chain.authority.pubkey())


def minted_with_uses(chain: Chain, uses: StoredUses) -> Nft:
    """An NFT that can be used so often, for which the product has no instruction."""
    nft = chain.nft("mint-1")
    token, (making,), *rest = chain.steps(nft)
    packed = borsh.u8(uses.method) + borsh.u64(uses.remaining) + borsh.u64(uses.total)
    none_of_uses_mutable_no_details = making.data[-3:]
    assert none_of_uses_mutable_no_details == bytes([0, 1, 0])
    data = making.data[:-3] + borsh.option(packed) + making.data[-2:]
    with_uses = Instruction(making.program_id, data, making.accounts)
    assert chain.land([token, (with_uses,), *rest]) is None
    return nft


def make_sized(chain: Chain, parent: Nft) -> None:
    """Let the NFT be the parent of a collection that counts its members, of which it has none."""
    data = borsh.u8(SET_COLLECTION_SIZE) + borsh.u64(0)
    accounts = [
        AccountMeta(parent.metadata, is_signer=False, is_writable=True),
        AccountMeta(parent.authority, is_signer=True, is_writable=True),
        AccountMeta(parent.mint, is_signer=False, is_writable=False),
    ]
    assert chain.land([(Instruction(TOKEN_METADATA_PROGRAM, data, accounts),)]) is None


def vouch(chain: Chain, nft: Nft, creator: Keypair) -> None:
    """Let a creator sign the metadata, and so be verified."""
    chain.fund(creator.pubkey(), 10**9)
    accounts = [
        AccountMeta(nft.metadata, is_signer=False, is_writable=True),
        AccountMeta(creator.pubkey(), is_signer=True, is_writable=False),
    ]
    instruction = Instruction(TOKEN_METADATA_PROGRAM, borsh.u8(SIGN_METADATA), accounts)
    blockhash = chain.vm.latest_blockhash()
    message = Message.new_with_blockhash([instruction], creator.pubkey(), blockhash)
    result = chain.vm.send_transaction(Transaction([creator], message, blockhash))
    assert not isinstance(result, FailedTransactionMetadata)
