"""Write docs/configuration.md from the schema: `python scripts/document.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from firmties.configuration import load_kinds, load_schema
from firmties.reference_page import write_reference

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"


def main(page: Path = PAGE) -> None:
    """Write the page."""
    kinds = load_kinds()
    page.write_text(write_reference(load_schema(kinds), kinds), encoding="utf-8")


if __name__ == "__main__":
    main()
