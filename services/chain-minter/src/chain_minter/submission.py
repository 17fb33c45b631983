"""What was signed and recorded for a mint, as all flights of the mint know it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from solders.hash import Hash
from solders.signature import Signature

from chain_minter.chain import Sent
from chain_minter.confirmation import Signed
from mint_events.catalogue import MintSubmitted
from mint_events.envelope import Envelope


@dataclass(slots=True)
class Submission:
    """The newest one. `taken`: an endpoint has its bytes, or may have; a process that has read it
    back can not know."""

    envelope: Envelope
    event: MintSubmitted
    taken: bool

    @property
    def signatures(self) -> tuple[str, ...]:
        """Every signature made so far, this one last."""
        return (*self.event.earlier, self.event.signature)

    @property
    def sent(self) -> Sent:
        """What the chain is asked about."""
        signature = Signature.from_string(self.event.signature)
        return Sent(signature, Hash.from_string(self.event.blockhash))

    @property
    def signed(self) -> Signed:
        """What the core needs to know of it."""
        return Signed(
            signature=self.event.signature,
            attempt=self.event.attempt,
            taken=self.taken,
            blockhash_slot=self.event.blockhash_slot,
            last_valid_block_height=self.event.last_valid_block_height,
            signed_at=self.envelope.time,
        )

    def signed_for_another(self, since: datetime) -> Signed:
        """The same, for what was asked for after it: no attempt of that, waited for `since`."""
        return replace(self.signed, attempt=0, taken=True, signed_at=since)

    def is_for(self, uri: str | None, cause: Envelope) -> bool:
        """Whether it was signed for this: the NFT, or the update of the URI that `cause` asked for.

        Asked for once more, an update has its own three attempts.
        """
        return self.event.uri == uri and (uri is None or self.envelope.causation_id == cause.id)

    def take(self) -> None:
        """An endpoint has the bytes, or may have: from now on they count as an attempt."""
        self.taken = True
