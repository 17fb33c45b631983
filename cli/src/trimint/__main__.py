"""`trimint`: puts the command groups together. Each group has a module of its own."""

from __future__ import annotations

import typer

from trimint import faults, gate, sandbox
from trimint.demo.command import demo
from trimint.dlq import command as dlq
from trimint.mint import mint
from trimint.status import status
from trimint.topics import topics

app = typer.Typer(
    name="trimint",
    help="Mint NFTs so that Solana, IPFS and the database agree.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(mint)
app.command()(status)
app.command()(demo)
app.command()(topics)
app.add_typer(dlq.app, name="dlq")
app.add_typer(gate.app, name="gate")
app.add_typer(sandbox.app, name="sandbox")
sandbox.app.add_typer(faults.app, name="fault")


def main() -> None:
    """Run the command line; the exit code says how it went."""
    app()


if __name__ == "__main__":
    main()
