"""The ledger: runs transactions into blocks and answers what held at which commitment.

A transaction runs when it is submitted, in the block that is open then. It is kept if it paid its
fee, whether it succeeded or not; otherwise the cluster would never have included it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from mint_sandbox.faults.model import MAX_LAG
from mint_sandbox.solana import messages, token_accounts
from mint_sandbox.solana.chain import FINALIZED_DEPTH, Block, Chain, Commitment
from mint_sandbox.solana.fees import RecentFees
from mint_sandbox.solana.history import History, Landed, pack
from mint_sandbox.solana.messages import Accounts, AnyMessage
from mint_sandbox.solana.token_index import TokenIndex
from mint_sandbox.solana.transaction_meta import meta
from mint_sandbox.solana.versions import AccountVersions
from mint_sandbox.solana.vm import Outcome, VirtualMachine

_FIRST_SLOT, _FIRST_HEIGHT = 435_888_000, 413_000_000
_FAUCET_LAMPORTS = 500_000_000 * 10**9
_SYSVAR = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")
_AIRDROP_UNITS = 10_000
_SLOT_HASHES = 512
_STATUS_CACHE_BLOCKS = 300
"""How long `getSignatureStatuses` remembers without a history search (Agave's status cache)."""


@dataclass(frozen=True, slots=True)
class Genesis:
    """What makes this chain this chain; the same seed gives the same hashes and skipped slots."""

    seed: int
    skip_rate: float = 0.05

    @property
    def hash(self) -> Hash:
        """The genesis hash."""
        return Hash.hash(f"trimint sandbox {self.seed}".encode())

    @property
    def faucet(self) -> Keypair:
        """Who pays for airdrops."""
        return Keypair.from_seed(sha256(b"faucet" + bytes(self.hash)).digest())


@dataclass(frozen=True, slots=True)
class Simulation:
    """A run without effects, and the accounts as they would be after it."""

    outcome: Outcome
    accounts: Mapping[Pubkey, Account]


class Ledger:
    """One chain in memory. Not thread-safe: one event loop owns it."""

    def __init__(self, genesis: Genesis, vm: VirtualMachine, now: float) -> None:
        """Begin with enough blocks, all at `now` (Unix seconds), that some are finalized."""
        self.genesis = genesis
        self.vm = vm
        start = Block(
            _FIRST_SLOT,
            _FIRST_HEIGHT,
            _FIRST_SLOT - 1,
            _successor(genesis.hash),
            genesis.hash,
            int(now),
        )
        skips = Random(genesis.seed)  # noqa: S311 - which slots are skipped is no secret
        self.chain = Chain(start, skips, genesis.skip_rate)
        self.history = History()
        self.fees = RecentFees()
        self._versions = AccountVersions()
        self._tokens = TokenIndex()
        self._slot_hashes: deque[tuple[int, Hash]] = deque(maxlen=_SLOT_HASHES)
        self._airdrops = 0
        self._late: defaultdict[int, list[VersionedTransaction]] = defaultdict(list)
        vm.put(genesis.faucet.pubkey(), Account(_FAUCET_LAMPORTS, b"", Pubkey.default()))
        self._open_block()
        while self.chain.tip.height < _FIRST_HEIGHT + FINALIZED_DEPTH + 1:
            self.tick(now)

    def written_accounts(self) -> dict[Pubkey, Account]:
        """The present state of every account that a transaction may have changed."""
        accounts = ((key, self.vm.account(key)) for key in self.history.mentioned())
        return {key: account for key, account in accounts if account and _is_plain(account)}

    def __getstate__(self) -> dict[str, object]:
        """All but the virtual machine, which holds what `written_accounts` tells."""
        return {name: value for name, value in vars(self).items() if name != "vm"}

    def resume(self, vm: VirtualMachine, accounts: Mapping[Pubkey, Account]) -> None:
        """Go on, after being read back, with a fresh machine and the accounts as they were."""
        self.vm = vm
        for key, account in accounts.items():
            vm.put(key, account)
        self._show_clock()

    def tick(self, now: float) -> bool:
        """Let a slot pass; True if a new block was opened, False if the slot was skipped."""
        produced = self.chain.tick(int(now))
        if produced:
            self._open_block()
            self._versions.finalize(self.chain.lagging(MAX_LAG).at(Commitment.FINALIZED).slot)
            for transaction in self._late.pop(self.chain.tip.height, ()):
                self.submit(transaction)
        return produced

    def account(self, key: Pubkey, commitment: Commitment) -> Account | None:
        """The account as it was at that commitment."""
        if self._is_newest(commitment) or key not in self._versions:
            return self.vm.account(key)
        return self._versions.at(self.chain.at(commitment).slot, key)

    def program_accounts(
        self, program: Pubkey, commitment: Commitment
    ) -> Iterator[tuple[Pubkey, Account]]:
        """All accounts that the program owned at that commitment."""
        for key, account in self.vm.owned_by(program):
            if key not in self._versions:
                yield key, account
        for key in self._versions.unsettled():
            then = self.account(key, commitment)
            if then is not None and then.owner == program:
                yield key, then

    def tokens_of_owner(self, owner: Pubkey, commitment: Commitment) -> Iterator[_Held]:
        """The wallet's token accounts at that commitment."""
        return self._held(self._tokens.of_owner(owner), commitment, owner=owner)

    def tokens_of_mint(self, mint: Pubkey, commitment: Commitment) -> Iterator[_Held]:
        """The mint's token accounts at that commitment."""
        return self._held(self._tokens.of_mint(mint), commitment, mint=mint)

    def landed(self, signature: Signature, commitment: Commitment) -> Landed | None:
        """The transaction, if it is in a block of at least that commitment."""
        landed = self.history.get(signature)
        if landed is None or landed.slot > self.chain.at(commitment).slot:
            return None
        return landed

    def in_status_cache(self, landed: Landed) -> bool:
        """Whether a node still knows the transaction's status without searching its history."""
        block = self.chain.block(landed.slot)
        oldest = self.chain.tip.height - _STATUS_CACHE_BLOCKS
        return block is not None and block.height >= oldest

    def accounts_of(self, message: AnyMessage) -> Accounts:
        """The message's accounts, its lookup tables read as they are now."""
        return messages.accounts_of(message, self.vm.account)

    def refusal(self, transaction: VersionedTransaction, commitment: Commitment) -> str | None:
        """Why it would not even run, seen from that commitment: its hash, or it is a duplicate."""
        message = known(transaction)
        if not self.chain.is_valid(message.recent_blockhash, commitment):
            return "BlockhashNotFound"
        if self.landed(transaction.signatures[0], commitment) is not None:
            return "AlreadyProcessed"
        return None

    def simulate(self, transaction: VersionedTransaction, commitment: Commitment) -> Simulation:
        """Run it without effects on the state of that commitment."""
        keys = () if self._is_newest(commitment) else self._all_keys(transaction)
        then = {key: self.account(key, commitment) for key in keys if key in self._versions}
        with self.vm.as_it_was(then):
            outcome, accounts = self.vm.simulate(transaction)
        return Simulation(outcome, accounts)

    def submit(self, transaction: VersionedTransaction) -> Landed | None:
        """Run it in the open block; None if it can not get into a block, which nobody is told."""
        signed = all(transaction.verify_with_results())
        if not signed or self.refusal(transaction, Commitment.PROCESSED) is not None:
            return None
        return self._execute(transaction)

    def submit_later(self, transaction: VersionedTransaction, blocks: float) -> Landed | None:
        """Run it so many blocks later, or in its last valid block if that comes first."""
        last = self.chain.last_valid_height(known(transaction).recent_blockhash)
        if last is None:
            return None
        height = min(self.chain.tip.height + blocks, last)
        if height <= self.chain.tip.height:
            return self.submit(transaction)
        self._late[int(height)].append(transaction)
        return None

    def airdrop(self, key: Pubkey, lamports: int) -> Signature:
        """Send lamports from the faucet, by a transaction like any other."""
        self._airdrops += 1
        faucet = self.genesis.faucet
        give = transfer(
            TransferParams(from_pubkey=faucet.pubkey(), to_pubkey=key, lamports=lamports)
        )
        # Two equal airdrops in one block must differ, or the second is a duplicate.
        unique = set_compute_unit_limit(_AIRDROP_UNITS + self._airdrops % _AIRDROP_UNITS)
        blockhash = self.chain.latest_blockhash(Commitment.PROCESSED).blockhash
        message = Message.new_with_blockhash([unique, give], faucet.pubkey(), blockhash)
        transaction = VersionedTransaction(message, [faucet])
        self._execute(transaction)
        return transaction.signatures[0]

    def _is_newest(self, commitment: Commitment) -> bool:
        return commitment is Commitment.PROCESSED and not self.chain.behind

    def _all_keys(self, transaction: VersionedTransaction) -> tuple[Pubkey, ...]:
        return self.accounts_of(known(transaction)).all

    def _execute(self, transaction: VersionedTransaction) -> Landed | None:
        message = known(transaction)
        accounts, block = self.accounts_of(message), self.chain.tip
        before = {key: self.vm.account(key) for key in accounts.all}
        outcome = self.vm.run(transaction)
        after = {key: self.vm.account(key) for key in accounts.all}
        payer = message.account_keys[0]
        if outcome.err is not None and before[payer] == after[payer]:
            return None
        for key in accounts.written:
            self._note_write(block.slot, key, before[key], after[key])
        self.fees.note(block.slot, messages.unit_price(message), accounts.written)
        landed = Landed(
            signature=transaction.signatures[0],
            slot=block.slot,
            time=block.time,
            err=outcome.err,
            memo=messages.memo(message),
            raw=bytes(transaction),
            packed_meta=pack(meta(outcome, accounts, before, after, self._decimals)),
        )
        self.history.add(landed, accounts.all)
        return landed

    def _note_write(
        self, slot: int, key: Pubkey, before: Account | None, after: Account | None
    ) -> None:
        if before == after:
            return
        self._versions.record(slot, key, before, after)
        held = token_accounts.holding(after)
        if held is not None:
            self._tokens.note(key, held)

    def _held(
        self,
        candidates: Collection[Pubkey],
        commitment: Commitment,
        owner: Pubkey | None = None,
        mint: Pubkey | None = None,
    ) -> Iterator[_Held]:
        for key in candidates:
            account = self.account(key, commitment)
            held = token_accounts.holding(account)
            if account and held and owner in (None, held.owner) and mint in (None, held.mint):
                yield key, account, held

    def _decimals(self, mint: Pubkey) -> int:
        found = token_accounts.mint(self.vm.account(mint))
        return found.decimals if found else 0

    def _open_block(self) -> None:
        block = self.chain.tip
        self._slot_hashes.appendleft((block.parent_slot, block.previous_blockhash))
        self.fees.open_block(block.slot)
        self._show_clock()

    def _show_clock(self) -> None:
        block = self.chain.tip
        self.vm.begin_slot(block.slot, block.time, self._slot_hashes)


_Held = tuple[Pubkey, Account, token_accounts.Holding]


def known(transaction: VersionedTransaction) -> AnyMessage:
    """The transaction's message; raises TypeError for a version that the chain does not run."""
    message = transaction.message
    if not isinstance(message, Message | MessageV0):
        raise TypeError(f"transaction version {transaction.version()} is not supported")
    return message


def _is_plain(account: Account) -> bool:
    """Neither a program nor a sysvar: those a fresh machine has by itself."""
    return not account.executable and account.owner != _SYSVAR


def _successor(blockhash: Hash) -> Hash:
    return Hash.hash(bytes(blockhash))
