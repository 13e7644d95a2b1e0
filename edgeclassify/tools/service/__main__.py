"""What scripts/install runs, before there is anything but Python: `python3 -m edgeclassify.tools.service`."""

from __future__ import annotations

import argparse
import sys

from edgeclassify.errors import EdgeClassifyError
from edgeclassify.tools.service.installing import install


def main() -> int:
    """Install the service; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/install", add_help=False)
    parser.add_argument("--offline", action="store_true")
    options = parser.parse_args()
    try:
        install(lambda line: print(f"edgeclassify: {line}", flush=True), offline=options.offline)
    except EdgeClassifyError as error:
        print(f"edgeclassify: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("edgeclassify: broken off; what ran before runs on", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
