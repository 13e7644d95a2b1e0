"""docs/errors.md out of what was said."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.errors.case import Case, Group
from tests.errors.desk import Said

HEAD = """# What it says when something is wrong

Each line was made by doing it: `python -m tests.errors` writes this file, and a test compares. Paths are shortened, and
ports are the usual ones. An error goes to stderr as `edgeclassify: WHERE: WHAT; WHAT TO DO`. The
[exit codes](../README.md#exit-codes) are 1 (some of it failed), 2 (wrong usage), 69 (something needed is not there) and
78 (the configuration or the model is wrong); *runs on* is the daemon, which logs the line and goes on.
"""


def heading(group: Group) -> str:
    return f"## {group.title}"


def section(group: Group, said: Iterable[tuple[Case, Said]]) -> str:
    """One table."""
    rows = [f"| {_cell(case.wrong)} | {_shown(what.text)} | {what.code} |" for case, what in said]
    return "\n".join(
        [
            heading(group),
            "",
            group.about,
            "",
            "| what is wrong | what it says | exit code |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def page(sections: Iterable[str]) -> str:
    return "\n".join([HEAD, *sections])


def section_of(text: str, group: Group) -> str:
    """What stands in the file for a group."""
    found = re.search(rf"^{re.escape(heading(group))}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[0].rstrip("\n") + "\n" if found else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _shown(text: str) -> str:
    return "<br>".join(_code(line) for line in text.splitlines() if line.strip())


def _code(line: str) -> str:
    """A line as it is, in Markdown's code; the fence is longer than what backticks are in it."""
    line = _cell(" ".join(line.split(" ")).strip())
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence, gap = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{gap}{line}{gap}{fence}"
