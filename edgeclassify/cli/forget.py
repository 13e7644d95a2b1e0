"""`edgeclassify forget`."""

from __future__ import annotations

from pathlib import Path

import click

from edgeclassify.cli.options import config_option


@click.command(epilog="Example: edgeclassify forget old-pi")
@config_option
@click.argument("node")
@click.option("--force", is_flag=True, help="Also one that says it is online.")
def command(config_path: Path | None, node: str, *, force: bool) -> None:
    """Clear what the broker keeps of a node that is no more: it disappears from `nodes` and from Home Assistant.

    Broker and topics are those of the configuration; each topic that was cleared is printed. Events that wait on the
    device itself are not touched.
    """
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.tools.forgetting import forget

    file = load_config(find_config(config_path))
    topics = forget(file.config, file.base, node, force=force)
    for topic in topics:
        click.echo(topic)
    click.echo(f"{len(topics)} topic(s) of node {node} cleared", err=True)
