"""The instructions that make one NFT, or what is missing of it, for one transaction.

Sources: SPL Token's instruction set (InitializeMint2 = 20, MintTo = 7), the Associated Token
Account program (CreateIdempotent = 1), and Token Metadata's (CreateMetadataAccountV3 = 33,
CreateMasterEditionV3 = 17, VerifyCollection = 18, VerifySizedCollectionItem = 30).
"""

from __future__ import annotations

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import (
    AllocateWithSeedParams,
    AssignWithSeedParams,
    CreateAccountWithSeedParams,
    TransferParams,
    allocate_with_seed,
    assign_with_seed,
    create_account_with_seed,
    transfer,
)

from mint_chain import borsh
from mint_chain.accounts import MINT_BYTES
from mint_chain.addresses import (
    ASSOCIATED_TOKEN_PROGRAM,
    TOKEN_METADATA_PROGRAM,
    TOKEN_PROGRAM,
    edition_address,
    metadata_address,
    token_account_address,
)
from mint_chain.nft import Collection, CreatorShare, Nft, OnChain

_INITIALIZE_MINT_2 = 20
_MINT_TO = 7
_CREATE_IDEMPOTENT = 1
_CREATE_METADATA_ACCOUNT_V3 = 33
_CREATE_MASTER_EDITION_V3 = 17
_VERIFY_COLLECTION = 18
_VERIFY_SIZED_COLLECTION_ITEM = 30


Step = tuple[Instruction, ...]
"""Instructions that must land together, or the chain is left in a state others can meddle with."""


def missing_steps(nft: Nft, there: OnChain, *, rent: int) -> list[Step]:
    """What is still to be done for the NFT to be whole, in order; empty when nothing is.

    All steps fit into one transaction unless names are long, creators many and the address was
    funded by a stranger: then the later ones follow in a second transaction. `rent` is the
    lamports that exempt a mint account from rent.
    """
    steps = [
        (*_create_mint(nft, there, rent), *_mint_token(nft, there)),
        () if there.metadata else (_create_metadata(nft),),
        () if there.edition else (_create_master_edition(nft),),
        _verify_membership(nft, there),
    ]
    return [step for step in steps if step]


def compute_budget(*, units: int, price: int) -> list[Instruction]:
    """Limit of compute units, and price per unit in micro-lamports."""
    return [set_compute_unit_limit(units), set_compute_unit_price(price)]


def _create_mint(nft: Nft, there: OnChain, rent: int) -> list[Instruction]:
    if there.mint:
        return []
    if there.lamports:
        return [*_adopt_account(nft, there.lamports, rent), _initialize_mint(nft)]
    return [_create_account(nft, rent), _initialize_mint(nft)]


def _create_account(nft: Nft, rent: int) -> Instruction:
    return create_account_with_seed(
        CreateAccountWithSeedParams(
            from_pubkey=nft.authority,
            to_pubkey=nft.mint,
            base=nft.authority,
            seed=nft.seed,
            lamports=rent,
            space=MINT_BYTES,
            owner=TOKEN_PROGRAM,
        )
    )


def _adopt_account(nft: Nft, held: int, rent: int) -> list[Instruction]:
    """Create the account at an address that holds lamports, where plain creation fails.

    Once it is allocated, allocating again fails: also in this way it is made at most once.
    """
    missing = max(0, rent - held)
    fund = transfer(TransferParams(from_pubkey=nft.authority, to_pubkey=nft.mint, lamports=missing))
    allocate = allocate_with_seed(
        AllocateWithSeedParams(
            address=nft.mint,
            base=nft.authority,
            seed=nft.seed,
            space=MINT_BYTES,
            owner=TOKEN_PROGRAM,
        )
    )
    assign = assign_with_seed(
        AssignWithSeedParams(
            address=nft.mint, base=nft.authority, seed=nft.seed, owner=TOKEN_PROGRAM
        )
    )
    return [*([fund] if missing else []), allocate, assign]


def _initialize_mint(nft: Nft) -> Instruction:
    """No decimals; the authority may mint and freeze until the edition takes both over."""
    data = (
        borsh.u8(_INITIALIZE_MINT_2)
        + borsh.u8(0)
        + bytes(nft.authority)
        + borsh.option(bytes(nft.authority))
    )
    return Instruction(TOKEN_PROGRAM, data, [_written(nft.mint)])


def _mint_token(nft: Nft, there: OnChain) -> list[Instruction]:
    if there.mint and there.mint.supply:
        return []
    holding = token_account_address(nft.wallet, nft.mint)
    create = Instruction(
        ASSOCIATED_TOKEN_PROGRAM,
        borsh.u8(_CREATE_IDEMPOTENT),
        [
            _payer(nft.authority),
            _written(holding),
            _read(nft.wallet),
            _read(nft.mint),
            _read(SYSTEM_PROGRAM),
            _read(TOKEN_PROGRAM),
        ],
    )
    mint_to = Instruction(
        TOKEN_PROGRAM,
        borsh.u8(_MINT_TO) + borsh.u64(1),
        [_written(nft.mint), _written(holding), _signer(nft.authority)],
    )
    return [create, mint_to]


def _create_metadata(nft: Nft) -> Instruction:
    return Instruction(
        TOKEN_METADATA_PROGRAM,
        _metadata_arguments(nft),
        [
            _written(nft.metadata),
            _read(nft.mint),
            _signer(nft.authority),
            _payer(nft.authority),
            _signer(nft.authority),
            _read(SYSTEM_PROGRAM),
        ],
    )


def _metadata_arguments(nft: Nft) -> bytes:
    uses = collection_details = None
    return (
        borsh.u8(_CREATE_METADATA_ACCOUNT_V3)
        + borsh.string(nft.name)
        + borsh.string(nft.symbol)
        + borsh.string(nft.uri)
        + borsh.u16(nft.seller_fee_basis_points)
        + borsh.option(borsh.vector(_creators(nft)))
        + borsh.option(_unverified(nft.collection))
        + borsh.option(uses)
        + borsh.boolean(nft.is_mutable)
        + borsh.option(collection_details)
    )


def _unverified(collection: Collection | None) -> bytes | None:
    """Membership is verified by an instruction of its own; the program refuses it set here."""
    return None if collection is None else borsh.boolean(False) + bytes(collection.mint)


def _creators(nft: Nft) -> list[bytes]:
    """The program refuses a creator marked as verified that does not sign."""
    shares = nft.creators or (CreatorShare(address=nft.authority, share=100),)
    return [
        bytes(creator.address)
        + borsh.boolean(creator.address == nft.authority)
        + borsh.u8(creator.share)
        for creator in shares
    ]


def _verify_membership(nft: Nft, there: OnChain) -> Step:
    collection = nft.collection
    if collection is None or not collection.verify or _is_member(there):
        return ()
    kind = _VERIFY_SIZED_COLLECTION_ITEM if collection.sized else _VERIFY_COLLECTION
    verify = Instruction(
        TOKEN_METADATA_PROGRAM,
        borsh.u8(kind),
        [
            _written(nft.metadata),
            _payer(nft.authority),
            _payer(nft.authority),
            _read(collection.mint),
            _written(metadata_address(collection.mint)),
            _read(edition_address(collection.mint)),
        ],
    )
    return (verify,)


def _is_member(there: OnChain) -> bool:
    metadata = there.metadata
    return metadata is not None and metadata.collection is not None and metadata.collection.verified


def _create_master_edition(nft: Nft) -> Instruction:
    """No prints (maximal supply 0); mint and freeze authority pass to the edition."""
    return Instruction(
        TOKEN_METADATA_PROGRAM,
        borsh.u8(_CREATE_MASTER_EDITION_V3) + borsh.option(borsh.u64(0)),
        [
            _written(nft.edition),
            _written(nft.mint),
            _signer(nft.authority),
            _signer(nft.authority),
            _payer(nft.authority),
            _written(nft.metadata),
            _read(TOKEN_PROGRAM),
            _read(SYSTEM_PROGRAM),
        ],
    )


def _read(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, is_signer=False, is_writable=False)


def _written(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, is_signer=False, is_writable=True)


def _signer(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, is_signer=True, is_writable=False)


def _payer(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, is_signer=True, is_writable=True)
