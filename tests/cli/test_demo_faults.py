"""`edgeclassify demo --faults`: its count is what an independent subscriber saw, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from edgeclassify.mqtt.state_dir import lock_holder
from tests.broker import Broker, Inbox
from tests.cli.test_demo import assert_nothing_is_left, processes, scratch
from tests.running import Background, run_to_end
from tests.waiting import wait_until

__all__ = ["scratch"]


def started(tmp_path: Path, scratch: Path, seconds: float, **variables: str) -> Background:
    demo = Background(tmp_path, "demo", "--offline", "--faults", "--seconds", str(seconds), name="demo")
    demo.variables |= {"TMPDIR": str(scratch)} | variables
    return demo


def port_of(scratch: Path) -> int:
    """The demo's broker."""

    def found() -> list[str]:
        return re.findall(r"listener (\d+)", "".join(p.read_text() for p in scratch.glob("*/mosquitto.conf")))

    wait_until(found)
    return int(found()[0])


def number(said: str, row: str) -> int:
    (found,) = re.findall(rf"^{row}[^:\n]* (\d+)$", said.partition("\n\n")[2], re.MULTILINE)
    return int(found)


def observing(tmp_path: Path, scratch: Path) -> Inbox:
    broker = Broker(tmp_path / "none", port=port_of(scratch))
    wait_until(lambda: broker._listens())
    return Inbox(broker, "edgeclassify/demo/+/event", kept_session="independent")


def ids(inbox: Inbox) -> list[int]:
    return [int(json.loads(text)["id"]) for text in inbox.texts("edgeclassify/demo/+/event")]


def test_the_count_is_what_an_independent_subscriber_saw(tmp_path: Path, scratch: Path) -> None:
    with started(tmp_path, scratch, 16) as demo, observing(tmp_path, scratch) as inbox:
        code = demo.end(90)
        said = demo.said()
        seen = set(ids(inbox))
    assert code == 0, said
    assert number(said, "accepted") == number(said, "delivered") == max(seen)
    assert seen == set(range(min(seen), max(seen) + 1))
    assert min(seen) < 10
    assert (number(said, "lost"), number(said, "altered"), number(said, "out of order")) == (0, 0, 0)
    for what in ("broker restarted", "daemon killed with -9"):
        assert re.search(rf"^\d\d:\d\d:\d\d  {what}$", said, re.MULTILINE)
    if shutil.which("cc") or shutil.which("gcc"):
        assert "the CPU went on after" in said
        assert "it was used again after" in said
    assert_nothing_is_left(scratch)


def test_an_event_that_vanishes_from_the_outbox_is_reported_as_lost(tmp_path: Path, scratch: Path) -> None:
    def steal() -> bool:
        """Take an event that waits, as a fault of the outbox would: while there is no broker, nobody has it yet."""
        (path,) = scratch.glob("*/state/outbox.db")
        with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as database:
            stolen = "SELECT max(seq) FROM events WHERE (SELECT count(*) FROM events) > 3"
            return database.execute(f"DELETE FROM events WHERE seq = ({stolen})").rowcount == 1

    with started(tmp_path, scratch, 4) as demo:
        demo.wait_for("broker restarted")
        wait_until(steal)
        assert "it is back" not in demo.said()
        assert demo.end(90) == 1
    said = demo.said()
    assert number(said, "lost") == 1
    assert number(said, "accepted") == number(said, "delivered") + 1
    assert re.search(r"^lost: \w{4} \d+$", said, re.MULTILINE)
    assert_nothing_is_left(scratch)


@pytest.mark.parametrize("number_", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["broker restarted", "Edge TPU pulled out"])
def test_ended_in_the_middle_it_counts_so_far(tmp_path: Path, scratch: Path, number_: int, moment: str) -> None:
    if "TPU" in moment and not (shutil.which("cc") or shutil.which("gcc")):
        pytest.skip("cannot run here: no C compiler")
    with started(tmp_path, scratch, 60) as demo:
        demo.wait_for(moment)
        demo.process.send_signal(number_)
        assert demo.end(40) == 0
    assert number(demo.said(), "accepted") == number(demo.said(), "delivered") > 0
    assert_nothing_is_left(scratch)


def test_ctrl_c_while_it_settles_ends_it_at_once_and_counts_nothing(tmp_path: Path, scratch: Path) -> None:
    with started(tmp_path, scratch, 60) as demo:
        demo.wait_for("broker restarted")
        (state,) = scratch.glob("*/state")
        os.kill(lock_holder(state) or 0, signal.SIGSTOP)  # nothing more will arrive: it would settle for long
        demo.process.send_signal(signal.SIGINT)
        demo.wait_for("counted; Ctrl-C ends it at once")
        started_s = time.monotonic()
        demo.process.send_signal(signal.SIGINT)
        assert demo.end(14) == 0
    assert time.monotonic() - started_s < 8
    assert "nothing is counted" in demo.said()
    assert "accepted (" not in demo.said()
    assert_nothing_is_left(scratch)


def test_killed_it_leaves_no_process_though_the_broker_is_frozen(tmp_path: Path, scratch: Path) -> None:
    with started(tmp_path, scratch, 60) as demo:
        demo.wait_for("broker frozen", timeout_s=40)
        demo.kill()
    wait_until(lambda: processes(scratch) == [])


def test_without_a_compiler_the_edge_tpu_is_left_out_and_that_is_said(tmp_path: Path, scratch: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("mosquitto", "setpriv"):
        if found := shutil.which(name, path="/usr/bin:/usr/sbin:/usr/local/sbin:/bin"):
            (programs / name).symlink_to(found)
    with started(tmp_path, scratch, 3, PATH=str(programs)) as demo:
        assert demo.end(60) == 0
    assert "no C compiler" in demo.said()
    assert "Edge TPU pulled out" not in demo.said()
    assert number(demo.said(), "delivered") > 0
    assert_nothing_is_left(scratch)


def test_pictures_do_not_go_with_faults(tmp_path: Path) -> None:
    done = run_to_end(tmp_path, "demo", "--faults", "--pictures", ".")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("edgeclassify: --pictures does not go with --faults")
