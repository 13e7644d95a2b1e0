"""An SD card wears out by being written: while nothing happens, nothing is."""

from __future__ import annotations

from pathlib import Path

from tests.broker import Broker, Inbox
from tests.running import NOTHING, ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until


def written_bytes(daemon: Daemon) -> int:
    """What the process has let the kernel write to a disk so far."""
    lines = Path(f"/proc/{daemon.process.pid}/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_a_quiet_time_writes_nothing(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    pictures = write_pictures(tmp_path / "pictures", NOTHING)
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}) as daemon:
        daemon.wait_for("ready: ")
        wait_until(lambda: len(inbox.of(f"{ROOT}/health")) >= 4)  # what is announced is settled after 2 s
        before, said, kept = written_bytes(daemon), daemon.said(), files(tmp_path / "state")
        told = len(inbox.of(f"{ROOT}/health"))
        wait_until(lambda: len(inbox.of(f"{ROOT}/health")) >= told + 8)
        assert daemon.said() == said
        assert files(tmp_path / "state") == kept
        assert written_bytes(daemon) == before
        assert daemon.stop() == 0


def test_an_event_costs_some_pages(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures, 0.2)}) as daemon:
        wait_until(lambda: len(inbox.of(f"{ROOT}/porch/event")) >= 10, 20)
        before, told = written_bytes(daemon), len(inbox.of(f"{ROOT}/porch/event"))
        wait_until(lambda: len(inbox.of(f"{ROOT}/porch/event")) >= told + 20, 20)
        each = (written_bytes(daemon) - before) / 20
        assert daemon.stop() == 0
    assert each < 100_000
