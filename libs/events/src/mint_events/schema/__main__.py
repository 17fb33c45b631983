"""Write the schemas of the catalogue to `schemas/`, or check that they are there.

`python -m mint_events.schema [--check] [--new-version] [--directory schemas]`
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mint_events.schema.history import EVENT_TYPES
from mint_events.schema.published import SUPERSEDED_FILE, plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 1 when something is not as it should be."""
    options = _parser().parse_args(arguments)
    planned = plan(
        EVENT_TYPES,
        options.directory,
        new_version=options.new_version,
        superseded_file=options.superseded_file,
    )
    problems = [*planned.objections, *(planned.differences() if options.check else ())]
    if not problems and not options.check:
        planned.write()
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mint_events.schema", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    parser.add_argument(
        "--new-version", action="store_true", help="add a version of each type that changed"
    )
    parser.add_argument("--directory", type=Path, default=Path("schemas"), help="of the schemas")
    parser.add_argument(
        "--superseded-file",
        type=Path,
        default=SUPERSEDED_FILE,
        help="where the package keeps the older versions",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
