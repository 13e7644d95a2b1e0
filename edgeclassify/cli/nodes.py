"""`edgeclassify nodes`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeclassify.cli.options import config_option
from edgeclassify.cli.table import table
from edgeclassify.tools.foreign import harmless

if TYPE_CHECKING:
    import datetime

    from edgeclassify.tools.fleet import NodeReport

_TITLES = ("node", "status", "version", "accelerator", "cameras", "frames/s", "ms", "waiting", "°C", "last")
_RIGHT = {4, 5, 6, 7, 8}
"""Columns of numbers."""


@click.command(epilog="Example: edgeclassify nodes --json | jq -r '.nodes[] | select(.status == \"offline\").node'")
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(config_path: Path | None, *, as_json: bool) -> None:
    """Show all nodes on the broker of the configuration, as they last told.

    cameras: online of all; frames/s: classified, of all cameras; ms: an inference, median; waiting: events in the
    outbox; last: what came or went last, on which camera. What is not known, or of a node that is offline, is "-".
    """
    import datetime

    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.tools.fleet import nodes_of

    file = load_config(find_config(config_path))
    mqtt = file.config.mqtt
    nodes = nodes_of(mqtt, file.base)
    if as_json:
        _print_json(nodes)
        return
    now = datetime.datetime.now(datetime.UTC)
    if nodes:
        click.echo("\n".join(table([_TITLES, *(_cells(node, now) for node in nodes)], _RIGHT)))
    online = sum(node.status == "online" for node in nodes)
    click.echo(f"{len(nodes)} node(s), {online} online, on {mqtt.host}:{mqtt.port} below {mqtt.base_topic}/", err=True)


def _cells(node: NodeReport, now: datetime.datetime) -> tuple[str, ...]:
    is_online = node.status == "online"
    cameras = node.cameras.values()
    online = sum(camera.status == "online" for camera in cameras)

    def measured(value: float | None, digits: int) -> str:
        return "-" if value is None or not is_online else f"{value:.{digits}f}"

    return (
        _printable(node.node),
        node.status or "-",
        _printable(node.version),
        _printable(node.accelerator) if is_online else "-",
        f"{online}/{len(cameras)}" if cameras else "-",
        measured(node.classified_per_second, 1),
        measured(node.median_ms, 1),
        measured(node.waiting, 0),
        measured(node.cpu_celsius, 0),
        _last(node, now),
    )


def _last(node: NodeReport, now: datetime.datetime) -> str:
    """Return like `cat on porch, 3 min ago`; `none` when what was there has gone."""
    import datetime

    if node.newest is None:
        return "-"
    camera, report = node.newest
    passed = now - datetime.datetime.fromisoformat(report.since or "")
    return f"{_printable(report.label)} on {_printable(camera)}, {_ago(passed.total_seconds())}"


def _ago(seconds: float) -> str:
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds // length_s:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"


def _printable(text: str | None) -> str:
    return harmless(text or "-", 32)


def _print_json(nodes: list[NodeReport]) -> None:
    import json
    from dataclasses import asdict

    click.echo(json.dumps({"nodes": [asdict(node) for node in nodes]}, indent=2, ensure_ascii=False))
