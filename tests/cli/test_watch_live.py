"""`edgeclassify watch --why` on a real terminal: live, calm, and everything as it was afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.broker import Broker, Inbox
from tests.running import NOTHING, ROOT, Daemon, colour_of, edgeclassify, environment, slides, write_pictures
from tests.terminal import Terminal
from tests.tools.watch.test_view import answer, older, present, why
from tests.waiting import wait_until

RULE = "── 1 of 1 cameras online ──"


@pytest.fixture
def folder(tmp_path: Path, broker: Broker) -> Path:
    config = {"node": "hut", "mqtt": {"host": "127.0.0.1", "port": broker.port, "keepalive_seconds": 5}}
    (tmp_path / "watch.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


@pytest.fixture
def hut(broker: Broker, folder: Path) -> Iterator[Daemon]:
    pictures = write_pictures(folder / "pictures", colour_of(0, 150), NOTHING)
    with Daemon(folder / "hut", broker.port, {"porch": slides(pictures, 1.0)}) as daemon:
        yield daemon


def watching(folder: Path, *options: str, **more: Any) -> Terminal:
    return Terminal(folder, "watch", "--why", "-c", "watch.yaml", *options, **more)


def tell(inbox: Inbox, camera: str, message: dict[str, Any] | str, kind: str = "why", node: str = "hut") -> None:
    inbox.publish(f"edgeclassify/{node}/{camera}/{kind}", message if isinstance(message, str) else json.dumps(message))


def test_a_real_daemon_live(folder: Path, hut: Daemon) -> None:
    with watching(folder) as terminal:
        terminal.wait_for("red")
        terminal.wait_for("0.24")
        terminal.wait_for("── porch: red 0.24 below 0.60")
        assert any(line.startswith("porch  red ") and "▂" in line for line in terminal.screen)
        terminal.wait_for("≥ 0.60")
        hut.config["events"]["thresholds"] = {"*": 0.50}
        hut.write_config()
        hut.process.send_signal(signal.SIGHUP)
        terminal.wait_for("appeared  red")
        terminal.wait_for("present for ")
        terminal.wait_for("≥ 0.50")
        assert terminal.cursor_is_hidden
        hut.stop()
        terminal.wait_for("── 0 of 1 cameras online ──")
        hut.start()
        terminal.wait_for(RULE)
        terminal.wait_for("≥ 0.50")  # it was asked again
        terminal.type("\x03")
        assert terminal.end() == 0
        assert not terminal.cursor_is_hidden
        assert terminal.text.count("cameras online") == 1, "it is drawn over, again and again"


def test_events_scroll_and_the_live_part_stays_at_the_end(folder: Path, inbox: Inbox) -> None:
    with watching(folder, lines=14) as terminal:
        inbox.publish(f"{ROOT}/status", "online", retain=True)
        terminal.wait_for("hut         is online")
        for number in range(30):
            tell(inbox, "porch", why())
            tell(inbox, "porch", appeared(f"visitor {number}"), "event")
        wait_until(lambda: "visitor 29" in terminal.text and "background" in terminal.text.splitlines()[-1])
        screen = [line for line in terminal.screen if line]
        assert [line.split()[4] for line in screen if "visitor" in line] == [str(n) for n in range(24, 30)]
        assert screen[6].startswith(RULE)
        assert screen[7].startswith("porch  cat ")
        assert [line.split()[4] for line in terminal.scrolled if "visitor" in line] == [str(n) for n in range(24)]


def appeared(label: str) -> dict[str, Any]:
    return {
        "event_type": "appeared", "time": "2026-11-23T09:00:00.120Z", "label": label, "score": 0.87,
        "reason": "0.87 >= 0.60 for 0.6 s, margin 0.79", "late": False,
    }  # fmt: skip


def test_escape_sequences_of_others_do_nothing(folder: Path, inbox: Inbox) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\n標籤\u202ecat"
    with watching(folder, "--all") as terminal:
        inbox.publish("edgeclassify/hut/status", "online", retain=True)
        terminal.wait_for("is online")
        # mosquitto itself refuses control characters in topics, but not what turns the writing around.
        inbox.publish("edgeclassify/hut/po\u202erch/status", "online\x1b[2J")
        bad = why(evil, present=[present(evil, 3)], answers=[answer(evil, 0.54), answer(evil + "2", 0.1)])
        tell(inbox, "po\u202erch", bad | {"source": evil})
        tell(inbox, "yard", older(label=evil, why=evil))
        tell(inbox, "yard", appeared(evil) | {"reason": evil}, "event")
        tell(inbox, "yard", appeared("the last"), "event")
        terminal.wait_for("the last")
        terminal.wait_for("hut/po?rch")
        assert "watching all nodes" in terminal.text, "the screen was not cleared"
    allowed = {b"K", b"J", b"A", b"m", b"h", b"l"}
    codes = terminal.came.split(b"\x1b")[1:]
    assert {code[code.index(b"[") + 1 :].lstrip(b"0123456789;?")[:1] for code in codes} <= allowed
    assert b"\x1b[2J" not in terminal.came
    assert b"\x07" not in terminal.came
    assert b"\xc2\x9b" not in terminal.came


def test_garbage_shows_nothing_and_ends_nothing(folder: Path, inbox: Inbox) -> None:
    with watching(folder) as terminal:
        terminal.wait_for("watching")
        garbage: list[str | bytes] = [
            b"", b"\xff\xfe", "null", "[1]", "{}", "[" * 50_000, '{"label": "cat"}', "x" * 1_000_000,
            json.dumps(why() | {"score": "high"}), json.dumps(why(answers="many")), json.dumps(why(score=float("nan"))),
        ]  # fmt: skip
        for payload in garbage:
            for kind in ("why", "event", "status", "enabled"):
                inbox.publish(f"{ROOT}/porch/{kind}", payload)
            inbox.publish(f"{ROOT}/status", payload)
        tell(inbox, "yard", why())
        terminal.wait_for("── yard: cat 0.54 below 0.60")
        assert [line for line in terminal.screen if " is " in line] == []
        os.kill(terminal.process.pid, signal.SIGTERM)
        assert terminal.end() == 0
        assert not terminal.cursor_is_hidden


def test_a_terminal_that_is_resized_is_written_anew(folder: Path, inbox: Inbox) -> None:
    with watching(folder, columns=100, lines=20) as terminal:
        tell_until(inbox, terminal, "below 0.60 for 1.2 s")
        tell(inbox, "porch", appeared("a visitor"), "event")
        terminal.wait_for("a visitor")
        for columns, lines in ((40, 12), (120, 30), (20, 3), (100, 20)):
            terminal.resize(columns, lines)
            wait_until(lambda: terminal.text.count("cameras") == 1)
        terminal.wait_for("a visitor")
        terminal.wait_for("below 0.60")


def tell_until(inbox: Inbox, terminal: Terminal, text: str) -> None:
    terminal.wait_for("watching")
    wait_until(lambda: inbox.of(f"{ROOT}/why/set"))  # now it listens
    tell(inbox, "porch", why())
    terminal.wait_for(text)


def test_the_broker_may_go_and_come_back(folder: Path, broker: Broker, hut: Daemon) -> None:
    assert hut.process.poll() is None
    with watching(folder) as terminal:
        terminal.wait_for("≥ 0.60")
        broker.stop()
        terminal.wait_for("-- the broker is gone; waiting for it")
        terminal.wait_for("        the broker is gone")
        broker.start()
        wait_until(lambda: "        the broker is gone" not in terminal.text)
        terminal.wait_for("below 0.60")


def test_ctrl_z_gives_the_terminal_back(folder: Path, inbox: Inbox) -> None:
    with watching(folder) as terminal:
        tell_until(inbox, terminal, "below 0.60")
        assert terminal.cursor_is_hidden
        assert not terminal.echoes
        os.kill(terminal.process.pid, signal.SIGTSTP)
        wait_until(lambda: state_of(terminal.process.pid) == "T")
        wait_until(lambda: not terminal.cursor_is_hidden)
        assert terminal.echoes
        os.kill(terminal.process.pid, signal.SIGCONT)
        wait_until(lambda: terminal.cursor_is_hidden and not terminal.echoes)
        terminal.type("\x03")
        assert terminal.end() == 0
        assert terminal.echoes


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_terminal_that_was_cut_off_ends_it_in_silence(folder: Path, inbox: Inbox) -> None:
    with watching(folder) as terminal:
        tell_until(inbox, terminal, "below 0.60")
        os.kill(terminal.process.pid, signal.SIGHUP)
        assert terminal.process.wait(5) == -signal.SIGHUP


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"TERM": None}])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    folder: Path, inbox: Inbox, variables: dict[str, str | None]
) -> None:
    with watching(folder, **variables) as terminal:
        wait_until(lambda: inbox.of(f"{ROOT}/why/set"))
        for _ in range(2):
            tell(inbox, "porch", why())
        terminal.wait_for("porch       -         cat 0.54 < 0.60: no event")
    assert b"\x1b" not in terminal.came


def test_no_color_means_no_colours(folder: Path, inbox: Inbox) -> None:
    with watching(folder, NO_COLOR="1") as terminal:
        wait_until(lambda: inbox.of(f"{ROOT}/why/set"))
        tell(inbox, "porch", why(score=0.9, outcome="answered", present=[present("cat", 3)]))
        terminal.wait_for("present for 3.0 s")
    codes = {code for part in terminal.came.split(b"\x1b[")[1:] for code in part.partition(b"m")[0].split(b";")}
    assert not codes & {b"3%d" % number for number in range(10)}


def test_without_a_utf8_locale_all_that_is_drawn_is_ascii(folder: Path, inbox: Inbox) -> None:
    with watching(folder, columns=40, LANG="C") as terminal:
        tell_until(inbox, terminal, "porch cat     0.54 below 0.60 for 1.2 s")
    assert terminal.came.isascii()


def test_one_camera_alone(folder: Path, inbox: Inbox) -> None:
    config = yaml.safe_load((folder / "watch.yaml").read_text()) | {"cameras": {"porch": {}, "yard": {}}}
    (folder / "watch.yaml").write_text(yaml.safe_dump(config))
    with watching(folder, "--camera", "yard") as terminal:
        wait_until(lambda: inbox.of(f"{ROOT}/why/set"))
        tell(inbox, "porch", why())
        tell(inbox, "yard", why())
        terminal.wait_for("yard  cat ")
        assert "porch" not in terminal.text
    done = subprocess.run(
        edgeclassify("watch", "-c", "watch.yaml", "--camera", "yrd"),
        cwd=folder, env=environment(folder), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("edgeclassify: there is no camera 'yrd'; name one with --camera: porch, yard, or add")
