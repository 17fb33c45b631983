"""A node is there when it has started and gone when it has stopped, and minds its own business."""

from __future__ import annotations

from pathlib import Path

import httpx
import psutil
import pytest

from mint_content.cid import Cid
from mint_content.gateway import GatewayPool, NotRetrieved
from mint_sandbox.ipfs.kubo_build import required_version
from mint_sandbox.ipfs.kubo_node import KuboNode
from mint_sandbox.process import StartFailure

pytestmark = pytest.mark.timeout(1800)  # the first use builds Kubo

MODULE = Path(__file__).parents[2] / "tools" / "kubo"


def repositories(processes: list[psutil.Process]) -> list[Path]:
    return [Path(process.environ()["IPFS_PATH"]) for process in processes]


def daemons() -> list[psutil.Process]:
    """The nodes that are children of ours."""
    return [child for child in psutil.Process().children() if "daemon" in child.cmdline()]


async def test_a_node_that_has_stopped_leaves_no_process_port_or_file(
    binary: Path, http: httpx.AsyncClient
) -> None:
    before = daemons()
    node = KuboNode(binary)
    await node.start()
    [process] = [daemon for daemon in daemons() if daemon not in before]
    [repository] = repositories([process])
    version = await node.ask("version")

    await node.stop()

    assert version["Version"] == required_version(MODULE)
    assert not process.is_running()
    assert not repository.exists()
    for url in (node.rpc_url, node.gateway_url):
        with pytest.raises(httpx.ConnectError):
            await http.get(url)


async def test_a_node_listens_on_this_machine_only(binary: Path) -> None:
    before = daemons()
    async with KuboNode(binary, offline=False):
        [process] = [daemon for daemon in daemons() if daemon not in before]
        sockets = process.net_connections()

    assert sockets
    assert {socket.laddr.ip for socket in sockets} == {"127.0.0.1"}


async def test_an_offline_node_gets_nothing_from_another(
    binary: Path, node: KuboNode, http: httpx.AsyncClient
) -> None:
    added = await http.post(
        f"{node.rpc_url}/api/v0/add?cid-version=1", files={"file": b"only there"}
    )
    cid = Cid.parse(added.json()["Hash"])

    async with KuboNode(binary) as alone:
        with pytest.raises(NotRetrieved):
            await GatewayPool(http, [alone.gateway_url], time_limit=5.0).fetch(cid)
        assert (await GatewayPool(http, [node.gateway_url]).fetch(cid)).data == b"only there"


async def test_a_binary_that_is_no_kubo_does_not_start_and_leaves_nothing() -> None:
    with pytest.raises(StartFailure, match="no repository"):
        await KuboNode(Path("/bin/false")).start()
