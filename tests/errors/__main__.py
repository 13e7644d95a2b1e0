"""Does everything wrong and writes docs/errors.md: `python -m tests.errors`; with words, only prints those groups."""

from __future__ import annotations

import sys

from tests.errors.case import Group
from tests.errors.groups import GROUPS
from tests.errors.page import page
from tests.errors.showing import PAGE, SHARED, shown


def main() -> None:
    wanted = [word.lower() for word in sys.argv[1:]]
    sections = [_shown(group) for group in GROUPS if not wanted or any(word in group.title.lower() for word in wanted)]
    if wanted:
        print("\n".join(sections))
    else:
        PAGE.write_text(page(sections), encoding="utf-8")


def _shown(group: Group) -> str:
    print(f"{group.title}: {len(group.cases)}", file=sys.stderr)
    return shown(group, SHARED)


if __name__ == "__main__":
    main()
