"""`edgeclassify models`: one file per command below it."""

from __future__ import annotations

import click

from edgeclassify.cli.models_info import info
from edgeclassify.cli.models_list import list_models
from edgeclassify.cli.models_pull import pull
from edgeclassify.cli.models_verify import verify


@click.group(
    commands=[list_models, info, pull, verify],
    epilog="Example: edgeclassify models pull mobilenet_v2_1.0_224_quant",
)
def command() -> None:
    """Show, get and check models.

    Models that come with the program need no pulling. Pulled ones go to $EDGECLASSIFY_MODELS, else to
    ~/.local/share/edgeclassify/models of the user who pulls. A service that runs as another user finds them only
    when both have the same $EDGECLASSIFY_MODELS, such as /var/lib/edgeclassify/models.
    """
