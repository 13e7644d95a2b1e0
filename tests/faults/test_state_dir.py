"""A state_dir that is full, read-only, no folder, somebody else's or corrupt: said, and the daemon goes on or ends."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker, Inbox
from tests.disks import fill, small_disk
from tests.running import NOTHING, ROOT, Daemon, colour_of, run_to_end, slides, write_pictures
from tests.waiting import wait_until

EVENTS = f"{ROOT}/porch/event"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def outbox(inbox: Inbox) -> dict[str, Any]:
    health = inbox.last(f"{ROOT}/health")
    report: dict[str, Any] = json.loads(health)["outbox"] if health else {"durable": None, "delivered_total": 0}
    return report


def test_a_disk_that_runs_full_keeps_no_event_back(
    tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path, disk: Path
) -> None:
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures, 0.1)}, state_dir=str(disk / "state")) as daemon:
        wait_until(lambda: outbox(inbox)["durable"] is True and inbox.of(EVENTS))
        fill(disk)
        wait_until(lambda: outbox(inbox)["durable"] is False, 20)
        delivered = outbox(inbox)["delivered_total"]
        wait_until(lambda: outbox(inbox)["delivered_total"] > delivered + 4)
        assert daemon.stop() == 0
    assert daemon.said().count("cannot be written (") == 1
    assert "free space or make it writable" in daemon.said()
    assert len({json.loads(text)["epoch"] for text in inbox.texts(EVENTS)}) == 2


def test_a_read_only_disk_is_said_and_events_go_on_from_memory(
    tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path, disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures, 0.2)}, state_dir=str(disk / "state")) as daemon:
        wait_until(lambda: len(inbox.of(EVENTS)) >= 4)
        wait_until(lambda: outbox(inbox)["durable"] is False)
        assert daemon.stop() == 0
    assert daemon.said().count("events are kept in memory") == 1


def test_a_file_in_place_of_the_folder(tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path) -> None:
    (tmp_path / "state").write_text("a letter")
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures, 0.2)}) as daemon:
        wait_until(lambda: len(inbox.of(EVENTS)) >= 4)
        assert daemon.stop() == 0
    assert "events are kept in memory" in daemon.said()
    assert (tmp_path / "state").read_text() == "a letter"


@pytest.mark.parametrize("content", [b"", b"not a database" * 500, None])
def test_a_corrupt_database_is_set_aside(
    tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path, content: bytes | None
) -> None:
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures, 0.2)}) as daemon:
        wait_until(lambda: len(inbox.of(EVENTS)) >= 2)
        assert daemon.stop() == 0
        whole = daemon.outbox.read_bytes()
        daemon.outbox.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096) if content is None else content)
        told = len(inbox.of(EVENTS))
        daemon.start()
        wait_until(lambda: len(inbox.of(EVENTS)) >= told + 2)
        assert daemon.stop() == 0
    first, last = (json.loads(inbox.texts(EVENTS)[number]) for number in (0, -1))
    assert first["epoch"] != last["epoch"]
    kept = [path for path in daemon.outbox.parent.iterdir() if "corrupt" in path.name]
    assert len(kept) == (0 if content == b"" else 1), "an empty file holds nothing to keep"
    assert ("kept as" in daemon.said()) == bool(kept)


def test_a_second_daemon_on_the_same_folder_ends_with_69(
    tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path
) -> None:
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures, 0.2)}) as daemon:
        wait_until(lambda: inbox.of(EVENTS))
        second = run_to_end(tmp_path, "run", "-c", "config.yaml")
        told = len(inbox.of(EVENTS))
        wait_until(lambda: len(inbox.of(EVENTS)) > told)
        assert daemon.stop() == 0
        wait_until(lambda: inbox.last(f"{ROOT}/status") == "offline")
    assert second.returncode == 69
    assert f"another edgeclassify uses it (pid {daemon.process.pid})" in second.stderr
    assert "Traceback" not in second.stderr
    assert inbox.texts(f"{ROOT}/status") == ["online", "offline"], "the first one was not disturbed"
