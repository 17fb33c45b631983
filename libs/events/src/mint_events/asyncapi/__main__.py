"""Write the AsyncAPI document, or check that it is what the code says.

`python -m mint_events.asyncapi [--check] [--file schemas/asyncapi.yaml]`
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mint_events.asyncapi.document import document
from mint_events.asyncapi.yaml_text import yaml_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 1 when `--check` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m mint_events.asyncapi", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    parser.add_argument("--file", type=Path, default=Path("schemas/asyncapi.yaml"))
    options = parser.parse_args(arguments)
    text = yaml_text(document())
    if not options.check:
        options.file.write_text(text, encoding="utf-8")
    elif not options.file.is_file() or options.file.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{options.file} is not what the code says: make schemas\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
