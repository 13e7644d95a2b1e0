"""Every test starts real processes; what runs in them is in servants.py."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from edgeclassify.errors import CameraError, ChildDiedError, ChildError, ChildTimeoutError, ConfigError, ModelError
from edgeclassify.processes import Child, kill_children
from tests.waiting import wait_until

SERVANTS = "tests.servants"


def child(target: str = "Servant", *, start_timeout_s: float = 30, memory_bytes: int = 0, **arguments) -> Child:
    return Child(
        "camera door",
        f"{SERVANTS}:{target}",
        arguments,
        memory_bytes=memory_bytes,
        start_timeout_s=start_timeout_s,
    )


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def is_zombie(pid: int) -> bool:
    """Dead, but whoever inherited it has not taken notice yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# Calls


def test_a_call_gives_back_what_the_method_returns():
    with child(greeting="good") as servant:
        assert servant.call("greet", "morning", timeout_s=5) == "good morning"
        assert servant.call("greet", "night", timeout_s=5) == "good night"


def test_arguments_and_answers_may_be_large():
    large = bytes(range(256)) * 100_000
    with child() as servant:
        assert servant.call("echo", large, timeout_s=20) == large


def test_memory_is_shared_in_both_directions():
    with child(memory_bytes=224 * 224 * 3) as servant:
        ours = np.frombuffer(servant.memory, np.uint8)
        ours[:] = 7
        assert servant.call("sum_and_fill", 9, timeout_s=5) == 7 * 224 * 224 * 3
        assert len(ours) == 224 * 224 * 3
        assert (ours == 9).all()
    assert (ours == 9).all()  # an array that is still held stays valid after the end


# Errors that the child raises


@pytest.mark.parametrize("error", [CameraError("camera door: no"), ModelError("x.tflite: no"), ConfigError("a", "b")])
def test_our_own_errors_arrive_as_they_are_and_the_child_goes_on(error):
    with child() as servant:
        with pytest.raises(type(error)) as raised:
            servant.call("throw", error, timeout_s=5)
        assert str(raised.value) == str(error)
        assert servant.call("echo", 1, timeout_s=5) == 1


def test_any_other_error_arrives_with_its_type_its_message_and_its_cause():
    with child() as servant, pytest.raises(ChildError) as raised:
        servant.call("throw_caused", timeout_s=5)
    assert str(raised.value) == (
        "camera door: throw_caused failed: RuntimeError: not opened, caused by OSError: [Errno 16] busy"
    )


def test_an_unknown_method_is_said():
    with child() as servant, pytest.raises(ChildError, match=r"camera door: fly failed: AttributeError: .*'fly'"):
        servant.call("fly", timeout_s=5)


def test_an_answer_that_cannot_be_sent_is_said():
    with child() as servant, pytest.raises(ChildDiedError, match=r"during unsendable; .*TypeError: cannot pickle"):
        servant.call("unsendable", timeout_s=5)


# Crashes and hangs


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("crash", "was killed by SIGSEGV during crash; its last words: Fatal Python error: Segmentation fault"),
        ("abort", "was killed by SIGABRT during abort; its last words: Fatal Python error: Aborted"),
        ("leave", "ended with exit code 3 during leave; its last words: goodbye"),
    ],
)
def test_a_crash_is_told_with_how_and_where(method, said):
    with child() as servant, pytest.raises(ChildDiedError) as raised:
        servant.call(method, timeout_s=5)
    assert str(raised.value).startswith(f"camera door: its process {said}")
    if method != "leave":
        assert "servants.py" in str(raised.value)  # the line that crashed
    assert is_gone(servant.pid)


def test_a_child_that_was_killed_between_calls_is_told():
    with child() as servant:
        os.kill(servant.pid, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(ChildDiedError, match=r"^camera door: its process was killed by SIGKILL during echo$"):
                servant.call("echo", 1, timeout_s=5)


@pytest.mark.parametrize("method", ["sleep_long", "hang_with_lock", "spin"])
def test_a_hang_is_ended_in_time_and_its_line_is_told(method):
    with child() as servant:
        begun_s = time.monotonic()
        with pytest.raises(ChildTimeoutError) as raised:
            servant.call(method, timeout_s=0.3)
        assert time.monotonic() - begun_s < 3
    assert str(raised.value).startswith(f"camera door: no answer to {method} within 0.3 s; its process was killed")
    assert f"in {method}" in str(raised.value)
    assert is_gone(servant.pid)


def test_a_frozen_child_is_ended_although_it_takes_no_more_input():
    with child() as servant:
        os.kill(servant.pid, signal.SIGSTOP)
        with pytest.raises(ChildTimeoutError):
            servant.call("echo", bytes(10_000_000), timeout_s=0.3)
    assert is_gone(servant.pid)


def test_an_interrupted_call_leaves_no_answer_for_the_next():
    with child() as servant:
        with pytest.raises(TypeError, match="cannot pickle"):
            servant.call("echo", threading.Lock(), timeout_s=5)
        with pytest.raises(ChildDiedError):
            servant.call("echo", 1, timeout_s=5)


# Starting


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("no_such_module:Servant", "start failed: ModuleNotFoundError: No module named 'no_such_module'"),
        (f"{SERVANTS}:Nobody", "start failed: AttributeError: .*'Nobody'"),
        (f"{SERVANTS}:Unwilling", "start failed: ZeroDivisionError: division by zero"),
        (f"{SERVANTS}:CrashesAtStart", "was killed by SIGSEGV during start"),
    ],
)
def test_a_start_that_fails_is_told_and_leaves_nothing(target, said):
    before = open_fds()
    servant = Child("camera door", target, {})
    with pytest.raises(ChildError, match=f"^camera door: .*{said}"):
        servant.__enter__()
    assert is_gone(servant.pid)
    assert open_fds() == before


def test_a_start_that_hangs_is_ended():
    with pytest.raises(ChildTimeoutError, match=r"no answer to start within 0\.5 s"):
        child("HangsAtStart", start_timeout_s=0.5).__enter__()


def test_an_interpreter_that_cannot_be_started_leaves_nothing(monkeypatch):
    before = open_fds()
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(FileNotFoundError):
        child().__enter__()
    assert open_fds() == before


# The end


def test_leaving_closes_the_object_and_reaps_the_process(tmp_path):
    closed = tmp_path / "closed"
    with child(closed_file=str(closed)) as servant:
        pass
    assert closed.exists()
    assert is_gone(servant.pid)
    servant.close()  # once more is fine


def test_leaving_never_hangs():
    with child("HangsAtEnd") as servant:
        begun_s = time.monotonic()
    assert time.monotonic() - begun_s < 3
    assert is_gone(servant.pid)


def test_a_grandchild_that_keeps_the_output_open_does_not_hold_up_the_end():
    with child() as servant:
        grandchild = servant.call("start_grandchild", timeout_s=5)
        begun_s = time.monotonic()
    try:
        assert time.monotonic() - begun_s < 3
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_many_children_leave_no_descriptor_and_no_process():
    with child():
        pass
    before, threads = open_fds(), threading.active_count()
    pids = []
    for number in range(50):
        with child(memory_bytes=100_000) as servant:
            if number % 5 == 0:
                os.kill(servant.pid, signal.SIGKILL)
            pids.append(servant.pid)
    assert open_fds() == before
    assert threading.active_count() == threads
    assert all(map(is_gone, pids))


def test_a_hung_child_is_gone_soon_after_its_parent_was_killed(tmp_path):
    hanging = tmp_path / "hanging"
    parent = subprocess.Popen(
        [sys.executable, "-c", "from tests.servants import hang_in_child; hang_in_child()", hanging],
        cwd=Path(__file__).parents[1],
    )
    with parent:
        wait_until(hanging.exists)
        pid = int(hanging.read_text())
        parent.kill()
    wait_until(lambda: is_gone(pid) or is_zombie(pid), timeout_s=1)


def test_the_child_ends_with_the_thread_that_entered_it():
    servant = child()
    starting = threading.Thread(target=servant.__enter__)
    starting.start()
    starting.join(10)
    try:
        with pytest.raises(ChildDiedError, match="SIGKILL"):
            servant.call("sleep_long", timeout_s=5)
    finally:
        servant.close()


# What the child is like


def test_what_one_thread_waits_for_is_ended_by_another_and_only_that():
    failed = []

    def open_it():
        try:
            child("HangsAtStart").__enter__()
        except ChildDiedError as error:
            failed.append(str(error))

    with child(greeting="still") as mine:
        opening = threading.Thread(target=open_it, name="capture-door")
        opening.start()
        while opening.is_alive():
            kill_children("capture-door")
            opening.join(0.05)
        assert mine.call("greet", "here", timeout_s=5) == "still here"
    assert failed == ["camera door: its process was killed by SIGKILL during start"]


def test_the_child_inherits_nothing_but_its_own(tmp_path):
    with (tmp_path / "secret").open("w") as secret, child() as servant:
        os.set_inheritable(secret.fileno(), True)  # noqa: FBT003 - positional-only
        targets = [str(fd.readlink()) for fd in Path(f"/proc/{servant.pid}/fd").iterdir()]
    assert not [target for target in targets if "secret" in target]
    assert len(targets) == 5  # null, twice the output, the calls, the memory


def test_ctrl_c_does_not_reach_the_child_and_sigterm_does():
    with child() as servant:
        os.kill(servant.pid, signal.SIGINT)
        assert servant.call("echo", 1, timeout_s=5) == 1
        os.kill(servant.pid, signal.SIGTERM)
        with pytest.raises(ChildDiedError, match="SIGTERM"):
            servant.call("echo", 1, timeout_s=5)


def test_the_colours_of_what_the_child_prints_do_not_reach_the_log(caplog):
    with caplog.at_level(logging.DEBUG, "edgeclassify"), child() as servant:
        servant.call("say", "[3:29] \x1b[1;33m WARN \x1b[0mNo IPA found", timeout_s=5)
        wait_until(lambda: "camera door: [3:29]  WARN No IPA found" in caplog.messages)


def test_what_the_child_prints_is_logged(caplog):
    with caplog.at_level(logging.DEBUG, "edgeclassify.processes"), child() as servant:
        servant.call("chatter", 20_000, timeout_s=20)
        wait_until(lambda: "camera door: line 19999" in caplog.messages)
