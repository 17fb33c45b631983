"""One Pinata account: what it keeps, and what it does with uploads and requests to pin by CID.

A request is worked on whenever the account is asked about its files or requests, so `prechecking`
is seen in its answer and never again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from mint_content.cid import Cid
from mint_content.unixfs import CHUNK_SIZE
from mint_sandbox.ipfs.blockstore import BlockMissing, BlockStore, Network
from mint_sandbox.ipfs.pinata_files import FileRecord, PinataFiles, PinJob
from mint_sandbox.ipfs.uploads import Upload

DEFAULT_NETWORK = "private"
"""Where an upload goes that does not say."""


@dataclass(frozen=True, slots=True)
class Account:
    """One Pinata account: its stores by visibility, its files, and how new things are named.

    `chunk_size` is how many bytes of a file make a leaf.
    """

    stores: Mapping[str, BlockStore]
    files: PinataFiles
    network: Network
    chunk_size: int = CHUNK_SIZE
    new_id: Callable[[], str] = lambda: str(uuid4())
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def pin(self, upload: Upload, form: Mapping[str, str]) -> tuple[FileRecord, bool]:
        """Keep an upload; the file's record, and whether the account had that content before."""
        visibility = form.get("network", DEFAULT_NETWORK)
        upload.pin_into(self.stores[visibility])
        known = self.files.by_cid(visibility, str(upload.root.cid))
        return (known, True) if known else (self._enter(upload, visibility, form), False)

    def _enter(self, upload: Upload, visibility: str, form: Mapping[str, str]) -> FileRecord:
        record = FileRecord(
            id=self.new_id(),
            name=form.get("name", upload.name),
            cid=str(upload.root.cid),
            size=upload.root.file_size,
            mime_type=upload.media_type,
            created_at=self.now().isoformat(),
            network=visibility,
            number_of_files=upload.files,
            group_id=form.get("group_id"),
            keyvalues=json.loads(form.get("keyvalues", "{}")),
        )
        self.files.add(record)
        return record

    def unpin(self, record: FileRecord) -> None:
        """Remove a file and let its blocks go."""
        self.files.delete(record)
        self.stores[record.network].unpin(Cid.parse(record.cid))

    def queue(self, body: Mapping[str, Any]) -> PinJob:
        """Take a request to pin; raises `Permanent` when it names no CID."""
        job = PinJob(
            id=self.new_id(),
            name=body.get("name") or body["cid"],
            cid=str(Cid.parse(body["cid"])),
            status="prechecking",
            date_queued=self.now().isoformat(),
            group_id=body.get("group_id"),
            keyvalues=body.get("keyvalues") or {},
            host_nodes=tuple(body.get("host_nodes") or ()),
        )
        self.files.add_job(job)
        return job

    def work_off(self) -> None:
        """Look for the content of each request; what is found becomes a file."""
        for job in self.files.jobs():
            try:
                self.network.pin_into(self.stores["public"], Cid.parse(job.cid))
            except BlockMissing:
                self.files.set_job_status(job, "searching")
            else:
                self._done(job)

    def _done(self, job: PinJob) -> None:
        self.files.delete_job(job.id)
        if not self.files.by_cid("public", job.cid):
            sizes = self.network.sizes(Cid.parse(job.cid))
            self.files.add(
                FileRecord(
                    id=job.id,
                    name=job.name,
                    cid=job.cid,
                    size=sum(sizes),
                    number_of_files=len(sizes),
                    mime_type="application/octet-stream",
                    created_at=self.now().isoformat(),
                    network="public",
                    group_id=job.group_id,
                    keyvalues=job.keyvalues,
                )
            )
