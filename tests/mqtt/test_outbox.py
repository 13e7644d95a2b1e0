"""The outbox with its real thread and disk, and a network that is a list."""

import json
import logging
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgeclassify.config.sections import OutboxConfig
from edgeclassify.mqtt import database
from edgeclassify.mqtt.outbox import Outbox
from edgeclassify.mqtt.topics import Topics
from tests.mqtt.records import appeared, gone, visits
from tests.waiting import wait_until

TOPICS = Topics("edgeclassify", "hut")


class Network:
    """Takes what the outbox hands out."""

    def __init__(self):
        self.handed = []
        self.retained = []

    def hand(self, connection, row, snapshot):
        self.handed.append((connection, row, snapshot))

    def retain(self, message):
        self.retained.append(message)

    @property
    def events(self):
        return [json.loads(row.body) for _, row, _ in self.handed]


@contextmanager
def running(folder: Path | None, network: Network | None = None, **limits) -> Iterator[Outbox]:
    retry_seconds = limits.pop("retry_seconds", 60.0)
    outbox = Outbox(folder, OutboxConfig(**limits), TOPICS, network or Network(), retry_seconds=retry_seconds)
    outbox.lock()
    thread = threading.Thread(target=outbox.run)
    thread.start()
    try:
        yield outbox
    finally:
        outbox.finish()
        thread.join()
        outbox.unlock()


def accept_all(outbox: Outbox, decisions) -> None:
    before = outbox.counters.accepted_total
    for decision in decisions:
        outbox.accept(decision, None)
    wait_until(lambda: outbox.counters.accepted_total == before + len(decisions))


def acknowledged_all(outbox: Outbox, network: Network) -> bool:
    for _, row, _ in network.handed:
        outbox.delivered(row.seq)
    return outbox.flush(0.05)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own of 4 MB, which can be filled and made read-only."""
    if os.geteuid() != 0:
        pytest.skip("cannot run here: needs root to mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("cannot run here: needs root to mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return filler


def test_events_wait_for_a_connection_and_over_restarts(tmp_path: Path):
    with running(tmp_path) as outbox:
        accept_all(outbox, visits(5))
    network = Network()
    with running(tmp_path, network) as outbox:
        accept_all(outbox, [gone()])
        assert network.handed == []
        outbox.attach(7)
        wait_until(lambda: len(network.handed) == 6)
        assert [event["id"] for event in network.events] == [f"{n:010d}" for n in range(1, 7)]
        assert {connection for connection, _, _ in network.handed} == {7}
        assert outbox.counters.waiting == 6
        wait_until(lambda: acknowledged_all(outbox, network))
        assert outbox.counters.delivered_total == 6


def test_a_new_connection_gets_everything_that_is_not_acknowledged(tmp_path: Path):
    network = Network()
    with running(tmp_path, network) as outbox:
        outbox.attach(1)
        accept_all(outbox, visits(4))
        wait_until(lambda: len(network.handed) == 4)
        outbox.delivered(network.handed[1][1].seq)
        outbox.detach()
        outbox.attach(2)
        wait_until(lambda: len(network.handed) == 7)
        assert [event["id"] for event in network.events[4:]] == ["0000000001", "0000000003", "0000000004"]


def test_only_a_part_of_a_backlog_is_in_memory(tmp_path: Path):
    network = Network()
    with running(tmp_path, network) as outbox:
        accept_all(outbox, visits(500))
        outbox.attach(1)
        wait_until(lambda: len(network.handed) == 200)
        for _, row, _ in network.handed[:100]:
            outbox.delivered(row.seq)
        wait_until(lambda: len(network.handed) == 300)
        assert [event["id"] for event in network.events] == [f"{n:010d}" for n in range(1, 301)]


def test_only_fresh_events_have_their_snapshot(tmp_path: Path):
    network = Network()
    with running(tmp_path, network) as outbox:
        outbox.accept(appeared(), b"old")
        wait_until(lambda: outbox.counters.accepted_total == 1)
        outbox.attach(1)
        wait_until(lambda: len(network.handed) == 1)
        outbox.accept(gone(), b"none")
        outbox.accept(appeared(), b"new")
        wait_until(lambda: len(network.handed) == 3)
        assert [snapshot for _, _, snapshot in network.handed] == [None, None, b"new"]


def test_a_state_names_the_event_of_its_presence(tmp_path: Path):
    network = Network()
    with running(tmp_path, network) as outbox:
        accept_all(outbox, [appeared(), gone()])
        wait_until(lambda: len(network.retained) == 2)
    present, empty = (json.loads(message.payload) for message in network.retained)
    assert present["event_id"] == "0000000001"
    assert empty["event_id"] is None
    assert present["epoch"] == empty["epoch"]


def test_what_does_not_fit_is_not_accepted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    network = Network()
    with running(tmp_path, network) as outbox:
        outbox.attach(1)
        for decision in [gone(), appeared(), appeared(), appeared("x" * 20_000), gone(), gone()]:
            outbox.accept(decision, None)
        outbox.flush(0.01)
        wait_until(lambda: len(network.handed) == 2)
        assert outbox.counters.accepted_total == 2
    assert [event["event_type"] for event in network.events] == ["appeared", "gone"]
    assert [event["id"] for event in network.events] == ["0000000001", "0000000002"]
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 4


def test_after_a_crash_open_presences_are_closed_first(tmp_path: Path):
    with running(tmp_path) as outbox:
        accept_all(outbox, [appeared("cat"), appeared("dog", index=None)])
    network = Network()
    with running(tmp_path, network) as outbox:
        outbox.close_open_presences("restarted", 1795424400.0)
        outbox.accept(appeared("cat"), None)
        outbox.attach(1)
        wait_until(lambda: len(network.handed) == 5)
    closing = network.events[2:4]
    assert [(e["event_type"], e["label"], e["reason"]) for e in closing] == [
        ("gone", "cat", "restarted"),
        ("gone", "dog", "restarted"),
    ]
    assert [e["appeared_id"] for e in closing] == ["0000000001", "0000000002"]
    assert (closing[0]["score"], closing[0]["best_score"], closing[0]["top"]) == (0.0, 0.87, [])
    assert closing[1]["index"] is None


def test_the_oldest_make_way(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    network = Network()
    with running(tmp_path, network, max_events=10) as outbox:
        for decision in visits(25):
            outbox.accept(decision, None)
        wait_until(lambda: outbox.counters.accepted_total == 25)
        assert (outbox.counters.waiting, outbox.counters.expired_total) == (10, 15)
        outbox.attach(1)
        wait_until(lambda: len(network.handed) == 10)
    assert [event["id"] for event in network.events] == [f"{n:010d}" for n in range(16, 26)]
    assert "more than 10 events wait" in caplog.text


def test_old_events_expire_while_they_wait_and_before_they_are_sent(tmp_path: Path):
    network = Network()
    with running(tmp_path, network, expire_seconds=1) as outbox:
        accept_all(outbox, visits(4))
        wait_until(lambda: outbox.counters.expired_total == 4)
        assert outbox.counters.waiting == 0
        outbox.attach(1)
        accept_all(outbox, visits(1))
        wait_until(lambda: len(network.handed) == 1)


def test_without_a_folder_events_are_kept_in_memory():
    network = Network()
    with running(None, network) as outbox:
        outbox.attach(1)
        accept_all(outbox, visits(2))
        wait_until(lambda: len(network.handed) == 2)
        assert not outbox.counters.durable


def test_a_full_disk_is_survived_in_memory_and_left_again(small_disk: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    network = Network()
    with running(small_disk, network, retry_seconds=0.2) as outbox:
        accept_all(outbox, visits(4))
        filler = fill(small_disk)
        accept_all(outbox, visits(500))
        assert not outbox.counters.durable
        assert outbox.counters.waiting == 504
        filler.unlink()
        outbox.attach(1)
        wait_until(lambda: acknowledged_all(outbox, network))
        wait_until(lambda: outbox.counters.durable)
    epochs = list(dict.fromkeys(event["epoch"] for event in network.events))
    for epoch in epochs:
        ids = [int(event["id"]) for event in network.events if event["epoch"] == epoch]
        assert ids == list(range(1, len(ids) + 1))
    assert len(network.events) == 504
    assert [r.levelno for r in caplog.records if "cannot be written" in r.message] == [logging.ERROR]
    assert "can be written again" in caplog.text


def test_a_disk_that_was_full_from_the_start_is_one_error(small_disk: Path, caplog: pytest.LogCaptureFixture):
    network = Network()
    filler = fill(small_disk)
    with running(small_disk, network, retry_seconds=0.2) as outbox:
        accept_all(outbox, visits(4))
        assert not outbox.counters.durable
        filler.unlink()
        wait_until(lambda: outbox.counters.durable)
        outbox.attach(1)
        wait_until(lambda: acknowledged_all(outbox, network))
    assert len(network.events) == 4
    (error,) = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert "free space or make it writable" in error


def test_presences_outlive_a_full_disk(small_disk: Path):
    with running(small_disk, retry_seconds=0.2) as outbox:
        accept_all(outbox, [appeared("cat"), appeared("dog")])
        filler = fill(small_disk)
        accept_all(outbox, [appeared(str(number)) for number in range(300)])
        accept_all(outbox, [gone("cat")])
        assert not outbox.counters.durable
        filler.unlink()
        wait_until(lambda: outbox.counters.durable)
        accept_all(outbox, [gone("dog"), gone("299")])
        assert outbox.counters.waiting == 305


def test_a_disk_that_is_read_only_from_the_start(small_disk: Path):
    with running(small_disk) as outbox:
        accept_all(outbox, [appeared("cat")])
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    network = Network()
    with running(small_disk, network, retry_seconds=0.2) as outbox:
        outbox.attach(1)
        accept_all(outbox, [gone("cat")])  # the presence is known
        wait_until(lambda: len(network.handed) == 2)
        assert not outbox.counters.durable
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        wait_until(lambda: outbox.counters.durable)
        wait_until(lambda: acknowledged_all(outbox, network))


def test_a_folder_that_cannot_be_made_is_no_reason_to_stop(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with running(tmp_path / "file" / "state", retry_seconds=0.2) as outbox:
        accept_all(outbox, visits(2))
        assert not outbox.counters.durable
        (tmp_path / "file").unlink()
        wait_until(lambda: outbox.counters.durable)
    with running(tmp_path / "file" / "state") as outbox:
        wait_until(lambda: outbox.counters.waiting == 2)


def test_a_database_that_somebody_else_holds_loses_nothing(tmp_path: Path):
    with running(tmp_path) as outbox:
        accept_all(outbox, visits(3))
    holder = sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("CREATE TABLE scratch (x)")  # written to the log, which now nobody else can read
    network = Network()
    with running(tmp_path, network, retry_seconds=0.1) as outbox:
        accept_all(outbox, [appeared("dog"), gone("dog")])
        outbox.attach(1)
        wait_until(lambda: len(network.handed) == 2)
        holder.close()
        wait_until(lambda: outbox.counters.durable)
        wait_until(lambda: len(network.handed) == 5)
        wait_until(lambda: acknowledged_all(outbox, network))
    assert [e["label"] for e in network.events] == ["dog", "dog", "cat", "cat", "cat"]


@pytest.mark.parametrize("damage", ["random", "header", "middle", "other", "directory", "no table", "no epoch"])
def test_a_corrupt_database_is_set_aside_and_said(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "outbox.db"
    with running(tmp_path) as outbox:
        accept_all(outbox, visits(300))
    if damage == "directory":
        path.unlink()
        path.mkdir()
    elif damage in ("no table", "no epoch", "other"):
        with sqlite3.connect(path) as database_file:
            database_file.execute(
                {"no table": "DROP TABLE events", "no epoch": "DELETE FROM meta"}.get(damage, "SELECT 1")
            )
            if damage == "other":
                database_file.execute("PRAGMA user_version = 0")
        database_file.close()
    else:
        content = bytearray(path.read_bytes())
        place = {"random": slice(0, None), "header": slice(0, 100), "middle": slice(8192, 40_000)}[damage]
        content[place] = os.urandom(len(content[place]))
        path.write_bytes(content)
    with running(tmp_path) as outbox:
        accept_all(outbox, visits(2))
        assert outbox.counters.durable
        assert outbox.counters.waiting == 2
    (aside,) = tmp_path.glob("outbox.corrupt-*.db")
    assert damage == "directory" or aside.stat().st_size > 0
    assert f"kept as {aside.name}" in caplog.text


def test_a_database_of_a_newer_version_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with running(tmp_path) as outbox:
        accept_all(outbox, visits(1))
    with sqlite3.connect(tmp_path / "outbox.db") as newer:
        newer.execute(f"PRAGMA user_version = {database.SCHEMA_VERSION + 1}")
    newer.close()
    with running(tmp_path) as outbox:
        accept_all(outbox, visits(1))
    assert list(tmp_path.glob("outbox.newer-*.db"))
    assert "written by a newer version" in caplog.text


def test_a_database_that_is_damaged_while_in_use_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    network = Network()
    with running(tmp_path, network) as outbox:
        accept_all(outbox, visits(3))
        with sqlite3.connect(tmp_path / "outbox.db") as vandal:
            vandal.execute("DROP TABLE presences")
        vandal.close()
        outbox.attach(1)
        accept_all(outbox, [appeared("dog")])
        wait_until(lambda: len(network.handed) == 4)
        assert outbox.counters.durable
    assert list(tmp_path.glob("outbox.corrupt-*.db"))
    assert "damaged" in caplog.text


def test_an_empty_file_is_a_new_database(tmp_path: Path):
    (tmp_path / "outbox.db").touch()
    with running(tmp_path) as outbox:
        accept_all(outbox, visits(2))
        assert outbox.counters.durable


def test_nothing_is_lost_when_the_log_was_not_yet_merged(tmp_path: Path):
    """What a power cut leaves: the database, and a log beside it."""
    copy = tmp_path / "copy"
    copy.mkdir()
    with running(tmp_path / "state") as outbox:
        accept_all(outbox, visits(50))
        for file in (tmp_path / "state").glob("outbox.db*"):
            (copy / file.name).write_bytes(file.read_bytes())
    with running(copy) as outbox:
        wait_until(lambda: outbox.counters.waiting == 50)
