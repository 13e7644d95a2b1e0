"""`edgeclassify watch`."""

from __future__ import annotations

from pathlib import Path

import click

from edgeclassify.cli.options import config_option


@click.command(epilog="Example: edgeclassify watch --all --json | jq .label")
@config_option
@click.option("--all", "all_nodes", is_flag=True, help="Of all nodes on the broker, not only of this one.")
@click.option("--why", is_flag=True, help="Also why there is no event.")
@click.option("--json", "as_json", is_flag=True, help="The messages as they are, one a line.")
def command(config_path: Path | None, *, all_nodes: bool, why: bool, as_json: bool) -> None:
    """Show the events of this node as they arrive, until Ctrl-C; broker and node are those of the configuration."""
    from edgeclassify.config.names import node_name
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.tools.watch import Watch

    file = load_config(find_config(config_path))
    node = None if all_nodes else node_name(file.config)
    if not as_json:
        mqtt = file.config.mqtt
        whose = "all nodes" if node is None else f"node {node}"
        click.echo(f"watching {whose} on {mqtt.host}:{mqtt.port}; Ctrl-C ends", err=True)
    Watch(file.config.mqtt, file.base, node, click.echo, why=why, raw=as_json).run(lambda: False)
