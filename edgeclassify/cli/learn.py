"""`edgeclassify learn`: one file per command below it."""

from __future__ import annotations

import os
import sys

import click

# Before numpy is imported: on a busy machine its own threads wait for each other for longer than they compute.
if "numpy" not in sys.modules:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from edgeclassify.cli.learn_capture import capture
from edgeclassify.cli.learn_change import add, remove
from edgeclassify.cli.learn_pictures import pictures

_EPILOG = """\b
Example: edgeclassify learn photos/ --name porch
         edgeclassify classify new.jpg -m porch
"""


class _PicturesGroup(click.Group):
    """What is no command below is a folder of pictures: `learn photos/`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["from", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_PicturesGroup, commands=[pictures, add, remove, capture], epilog=_EPILOG)
def command() -> None:
    """Learn new classes from a few pictures of each, on this device: `learn DIR`, with a folder for each class in DIR.

    A folder `none` holds pictures of nothing of these: the empty scene. `learn DIR --help` shows the options.
    """
