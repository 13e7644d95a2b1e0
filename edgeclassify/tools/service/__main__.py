"""What scripts/install runs, before there is anything but Python: `python3 -m edgeclassify.tools.service`."""

from __future__ import annotations

import argparse
import sys

from edgeclassify.errors import EdgeClassifyError
from edgeclassify.tools.service.installing import install

# `scripts/install && ...` must not go on; of the commands only, Ctrl-C is an ordinary end.
_BROKEN_OFF = 130


def main() -> int:
    """Install the service; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/install", add_help=False)
    parser.add_argument("--offline", action="store_const", const=None, dest="mirror", default="")
    parser.add_argument("--mirror", default="")
    options = parser.parse_args()
    try:
        install(lambda line: print(f"edgeclassify: {line}", flush=True), mirror=options.mirror)
    except EdgeClassifyError as error:
        print(f"edgeclassify: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("edgeclassify: broken off; what ran before runs on", file=sys.stderr)
        return _BROKEN_OFF
    return 0


if __name__ == "__main__":
    sys.exit(main())
