"""`edgeclassify forget`: a node that is no more leaves nothing at the broker, and disappears from Home Assistant."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgeclassify.config.sections import Config
from edgeclassify.errors import UnavailableError, UsageError
from edgeclassify.tools.foreign import parse
from edgeclassify.tools.subscription import Subscription

_ONLINE = b"online"
_NOT_IN_NAMES = set("+#/\0")


def forget(config: Config, base: Path, node: str, *, force: bool = False) -> list[str]:
    """Clear all retained messages of a node, those for Home Assistant first; return their topics.

    Args:
        config: where the broker is, and which topics are used.
        base: the folder that relative paths of the configuration are relative to.
        node: its name.
        force: also one that says it is online.

    Raises:
        UsageError: the broker does not know the node, or it is online.
        UnavailableError: there is no broker, or it lets us clear nothing.
    """
    if not node or set(node) & _NOT_IN_NAMES:
        raise UsageError(f"node {node!r}: is no name of a node; see: edgeclassify nodes")
    topics = _topics_of(config, base, node, force=force)
    with Subscription(config.mqtt, base, []) as connection:
        connection.clear(topics)
    # A broker of MQTT 3.1.1 cannot refuse a message: what its access list keeps shows only now.
    left = sorted(set(topics) & set(_retained(config, base, node)))
    if left:
        raise UnavailableError(
            f"broker {config.mqtt.host}:{config.mqtt.port}: it still keeps {len(left)} of {len(topics)} topics, "
            f"{left[0]} among them; give this user write access to them, and see that no such node runs"
        )
    return topics


def _topics_of(config: Config, base: Path, node: str, *, force: bool) -> list[str]:
    retained = _retained(config, base, node)
    root = f"{config.mqtt.base_topic}/"
    own = [topic for topic in retained if topic.startswith(f"{root}{node}/")]
    discovery = [topic for topic in retained if not topic.startswith(root) and _is_about(retained[topic], root + node)]
    if not own and not discovery:
        known = sorted({topic.removeprefix(root).partition("/")[0] for topic in retained if topic.startswith(root)})
        near = difflib.get_close_matches(node, known, n=2, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "see: edgeclassify nodes"
        raise UsageError(f"node {node}: the broker keeps nothing of it; {hint}")
    if retained.get(f"{root}{node}/status") == _ONLINE and not force:
        raise UsageError(
            f"node {node}: it is online, and would tell everything again; stop its daemon first, or use --force if "
            "it is long gone"
        )
    # Its status comes last: what is cut off on the way is found again.
    return [*sorted(discovery), *sorted(own, key=lambda topic: (topic == f"{root}{node}/status", topic))]


def _retained(config: Config, base: Path, node: str) -> dict[str, bytes]:
    """Return what the broker keeps of the node, the status of the others, and all discovery messages."""
    root = f"{config.mqtt.base_topic}/"
    topics = [f"{root}{node}/#", f"{root}+/status", f"{config.home_assistant.discovery_prefix}/device/+/config"]
    with Subscription(config.mqtt, base, topics) as subscription:
        return subscription.retained()


def _is_about(payload: bytes, root: str) -> bool:
    """Return whether a discovery message names topics of the node."""
    return any(text.startswith(f"{root}/") for text in _texts(parse(payload) or {}))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
