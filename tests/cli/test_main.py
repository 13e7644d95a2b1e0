"""What all commands have in common: help, exit codes, one message for each error and never a traceback."""

from __future__ import annotations

import importlib
import os
import platform
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import click
import numpy as np
import pytest

from edgeclassify import __version__
from edgeclassify.cli import COMMANDS, run_command
from tests.running import Background, edgeclassify, environment, run_to_end, write_model


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: edgeclassify {command}")
    assert f"Example: edgeclassify {command}" in out


def every_command() -> Iterator[tuple[str, click.Command]]:
    """All commands, those of groups too, by name."""
    for name in COMMANDS:
        command: click.Command = importlib.import_module(f"edgeclassify.cli.{name}").command
        yield name, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                assert found is not None
                yield f"{name} {inner}", found


def test_the_same_option_is_written_the_same_everywhere() -> None:
    written: dict[str, set[tuple[str, ...]]] = {}
    for _, command in every_command():
        for option in command.params:
            if isinstance(option, click.Option):
                written.setdefault(option.opts[-1], set()).add(tuple(option.opts[:-1]))
    assert {name: short for name, short in written.items() if len(short) > 1} == {}
    assert written["--config"] == {("-c",)}
    assert written["--model"] == {("-m",)}


def test_help_says_what_is_to_be_given_and_not_which_type_it_is() -> None:
    for name, command in every_command():
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, (name, option.opts)
                is_plain = option.is_flag or option.metavar or isinstance(option.type, click.Choice)
                assert is_plain, (name, option.opts)


def test_the_list_of_commands_imports_none_of_them(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom edgeclassify.cli import run_command\nassert run_command(['--help']) == 0\n"
        "slow = {'numpy', 'pydantic', 'PIL', 'av', 'paho', 'rich', 'ai_edge_litert'} & set(sys.modules)\n"
        "assert not slow, slow"
    )
    command = [edgeclassify()[0], "-c", script]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"edgeclassify {__version__}"
    told = {line[:15].rstrip(): line[15:] for line in lines[1:]}
    assert told["python"].startswith(platform.python_version())
    assert told["configuration"].endswith("config.yaml")
    assert told["installed in"].endswith("edgeclassify")
    assert told["SQLite"] == sqlite3.sqlite_version
    assert told["numpy"] == np.__version__
    codec = av.library_versions["libavcodec"]
    assert f"libavcodec {'.'.join(map(str, codec))}," in told["FFmpeg"], "as the library itself says"
    assert all(told.values())


def test_what_the_terminal_has_no_characters_for_is_replaced(tmp_path: Path) -> None:
    write_model(tmp_path, ["标签", "Löwe", "red"])
    done = subprocess.run(
        edgeclassify("labels", "-m", "colours.tflite"),
        cwd=tmp_path, env=environment(tmp_path) | {"PYTHONIOENCODING": "latin-1"}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "0  ??" in done.stdout.decode("latin-1")
    assert "1  Löwe" in done.stdout.decode("latin-1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "edgeclassify: no such command 'nonsense'; see: edgeclassify --help"),
        (["run", "--nonsense"], "edgeclassify: no such option '--nonsense'; see: edgeclassify run --help"),
        (["run", "extra"], "edgeclassify: got unexpected extra argument (extra); see: edgeclassify run --help"),
        (["demo", "--seconds", "0"], "edgeclassify: invalid value for '--seconds'"),
        (["run", "-c"], "edgeclassify: option '-c' requires an argument; see: edgeclassify --help"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(message)
    assert said.err.count("\n") == 1


def test_without_a_command_there_is_help_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([]) == 2
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "watch", "check", "labels"])
def test_a_file_that_is_not_there_is_78(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([command, "-c", str(tmp_path / "nowhere.yaml")]) == 78
    assert capsys.readouterr().err.startswith(f"edgeclassify: {tmp_path}/nowhere.yaml: there is no such file; ")
    assert signal.SIGHUP not in signal.pthread_sigmask(signal.SIG_BLOCK, []), "what it held back comes again"


def test_a_reader_that_has_gone_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as out:
        done = subprocess.run(
            edgeclassify("labels"), stdout=out, stderr=subprocess.PIPE, env=environment(tmp_path), cwd=tmp_path
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_exit_code_reaches_the_shell(tmp_path: Path) -> None:
    assert run_to_end(tmp_path, "run", "-c", "nowhere.yaml").returncode == 78


def test_ctrl_c_ends_a_command_with_0(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        (tmp_path / "config.yaml").write_text(f"mqtt: {{host: 127.0.0.1, port: {mute.getsockname()[1]}}}\n")
        with Background(tmp_path, "watch", "-c", "config.yaml") as watch:
            mute.settimeout(20)
            connection, _ = mute.accept()
            with connection:
                assert watch.stop(signal.SIGINT) == 0
