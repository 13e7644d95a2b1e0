"""`edgeclassify watch`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeclassify.cli.options import config_option

if TYPE_CHECKING:
    from edgeclassify.tools.watch.heard import Display


@click.command(epilog="Example: edgeclassify watch --all --json | jq .label")
@config_option
@click.option("--all", "all_nodes", is_flag=True, help="Of all nodes on the broker, not only of this one.")
@click.option("--camera", metavar="ID", help="Only of this camera.")
@click.option("--why", is_flag=True, help="Also why there is no event; on a terminal live, with scores.")
@click.option("--json", "as_json", is_flag=True, help="The messages as they are, one a line.")
def command(config_path: Path | None, *, all_nodes: bool, camera: str | None, why: bool, as_json: bool) -> None:
    """Show the events of this node as they arrive, until Ctrl-C; broker and node are those of the configuration."""
    from edgeclassify.config.names import node_name
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.tools.watch.watch import Watch

    file = load_config(find_config(config_path))
    node = None if all_nodes else node_name(file.config)
    if camera is not None and not all_nodes and camera not in file.config.cameras:
        known = ", ".join(file.config.cameras)
        raise click.UsageError(f"there is no camera {camera!r}; name one with --camera: {known}, or add --all")
    if not as_json:
        mqtt = file.config.mqtt
        whose = "all nodes" if node is None else f"node {node}"
        click.echo(f"watching {whose} on {mqtt.host}:{mqtt.port}; Ctrl-C ends", err=True)
    with ExitStack() as showing:
        display = _display(showing, nodes=all_nodes, why=why, as_json=as_json)
        Watch(file.config.mqtt, file.base, node, display, why=why, camera=camera).run(lambda: False)


def _display(showing: ExitStack, *, nodes: bool, why: bool, as_json: bool) -> Display:
    from edgeclassify.tools.watch.lines import Lines, RawLines
    from edgeclassify.tools.watch.live import Live, can_be_live

    if as_json:
        return RawLines(click.echo)
    if why and can_be_live():
        return showing.enter_context(Live(nodes=nodes))
    return Lines(click.echo, nodes=nodes)
