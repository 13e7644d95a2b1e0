"""Writes what a command shows on a terminal as an SVG.

python -m tests.recording docs/demo.svg -- ./scripts/demo --offline
python -m tests.recording docs/why.svg --seconds 12 -- .venv/bin/edgeclassify watch --why

The SVG shows the screen as it is after so many seconds, or at the command's end; then it gets Ctrl-C.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from tests.recording.recorder import record


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--lines", type=int, default=22)
    parser.add_argument("--seconds", type=float, default=30, help="when to look")
    parser.add_argument("--typed", help="what the first line shows; default: the command")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    typed = options.typed or shlex.join(options.command)
    picture, code = record(options.command, typed, options.columns, options.lines, options.seconds)
    options.target.write_text(picture, encoding="utf-8")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
