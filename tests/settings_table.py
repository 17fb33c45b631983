"""Write `docs/settings.md`: every environment variable of every service, from the settings' code.

`python tests/settings_table.py` writes it, `--check` only says whether it is up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from chain_minter.settings import MinterSettings
from ipfs_uploader.settings import UploaderSettings
from mint_runtime.settings import PREFIX, ServiceSettings
from reconciler.settings import ReconcilerSettings
from verifier.settings import VerifierSettings

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
HEAD: Final = """\
# Settings

Made by `make docs` from the services' `settings.py`. Lists are comma separated, in order of
priority. Any variable can be given as `NAME_FILE`, the path of a file that holds the value. A bad
value stops the start with one line that names it.
"""
SERVICES: Final[dict[str, type[ServiceSettings]]] = {
    "reconciler": ReconcilerSettings,
    "ipfs-uploader": UploaderSettings,
    "chain-minter": MinterSettings,
    "verifier": VerifierSettings,
}


def render() -> str:
    """The Markdown page: what all services share, then what each has of its own."""
    common = ServiceSettings.model_fields
    lines = [*_chapter("Every service", common)]
    for name, settings in SERVICES.items():
        own = {key: field for key, field in settings.model_fields.items() if key not in common}
        lines += _chapter(name, own)
    return HEAD + "".join(line + "\n" for line in lines)


def _chapter(title: str, fields: dict[str, FieldInfo]) -> Iterator[str]:
    yield from ("", f"## {title}", "", "| variable | default | expected |", "|---|---|---|")
    for name, field in fields.items():
        yield f"| `{PREFIX}{name.upper()}` | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    if field.default is PydanticUndefined:
        return "made at the start"
    if field.default in (None, "", ()):
        return ""
    if isinstance(field.default, tuple):
        return f"`{','.join(map(str, field.default))}`"
    return f"`{field.default}`"


def main() -> int:
    """Write or check; exits with a message when the page is stale."""
    page = render()
    if "--check" not in sys.argv:
        PAGE.write_text(page)
    elif not PAGE.exists() or PAGE.read_text() != page:
        sys.exit(f"{PAGE.name} is out of date: run `make docs`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
