"""Links within the project's own texts lead somewhere."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TEXTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "models/*.md", "systemd/*.md", "tests/**/*.md")
    for path in PROJECT.glob(pattern)
)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.*)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Return the names that GitHub gives to headings."""
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    names = (re.sub(r"[`*\[\]]|\(.*?\)", "", heading).strip().lower() for heading in _HEADING.findall(text))
    kept = ("".join(sign for sign in name if is_kept(sign)) for name in names)
    return {name.replace(" ", "-") for name in kept}


def is_kept(sign: str) -> bool:
    return sign in " -_" or unicodedata.category(sign)[0] in "LN"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    lost = []
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert not lost
