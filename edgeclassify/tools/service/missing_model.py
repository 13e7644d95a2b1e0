"""Prints the model of the catalogue that a configuration names and that is not here, if there is one.

`install` runs it with the new version: the standard library cannot read the configuration.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edgeclassify.catalogue.entries import catalogue
from edgeclassify.config.reader import load_config
from edgeclassify.errors import ConfigError, ModelError
from edgeclassify.inference.files import find_model


def missing_model(config: Path) -> str:
    """Return its name; empty for none, or when the configuration is wrong, which is told elsewhere."""
    try:
        file = load_config(config)
        name = file.config.model.name
        find_model(name, file.base)
    except ConfigError:
        return ""
    except ModelError:
        return name if name in catalogue().entries else ""
    return ""


if __name__ == "__main__":
    print(missing_model(Path(sys.argv[1])))
