"""The command line: one file per command group; each parses, calls, prints."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import click

from edgeclassify import __version__
from edgeclassify.errors import EdgeClassifyError, UnavailableError

# Each command's module is imported only when it runs, so that --help stays quick.
COMMANDS = {
    "run": "Run the daemon, in the foreground.",
    "setup": "Find cameras and broker, try each, and write a config.yaml.",
    "demo": "Run it with a private broker and the best camera found; its events are shown.",
    "check": "Validate config.yaml; print every problem, or the thresholds as they hold.",
    "classify": "Classify pictures, once.",
    "watch": "Show the events of one node or of all as they arrive, and why there is none.",
    "cameras": "Show the cameras of this machine, and what to write for each.",
    "models": "Show, get and check models.",
    "labels": "Show the labels and groups that thresholds can name.",
    "learn": "Learn new classes from a few pictures of each, on this device.",
    "evaluate": "Measure how right a model is on labelled pictures.",
    "benchmark": "Measure how quick models are here, and where the time goes.",
    "overrides": "Show what was set over MQTT, or let config.yaml hold again.",
    "nodes": "Show all nodes on the broker, as they last told.",
    "forget": "Clear what the broker keeps of a node that is no more.",
    "service": "Install, remove and look after the systemd service.",
    "doctor": "Check every part of this installation, and tell how to mend it.",
}

_CANNOT_BE_SAID = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Where output goes to a file: its disk is full or broken."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"edgeclassify.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    click.echo(f"edgeclassify {__version__}")
    from edgeclassify.tools.installation import installation

    for name, told in installation():
        click.echo(f"{name:<15}{told}")
    context.exit()


@click.group(
    cls=_LazyGroup,
    epilog="Example: edgeclassify demo",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show what is installed, as a bug report needs it; the first line is `edgeclassify X.Y.Z`.",
)  # fmt: skip
def edgeclassify() -> None:
    """Classify what a camera sees and publish events over MQTT."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end with its exit code."""
    if sys.stdout is None:  # closed by who started this: then all that is said is unwanted
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a label that this terminal's encoding does not have ends nothing
    code = _said_to_the_end(run_command(arguments))
    if threading.active_count() > 1:
        # One may hang in native code, in FFmpeg with a stalled stream, say. When it comes back to an interpreter that
        # is being taken down, the process crashes.
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: every error is one message, never a traceback for a user's mistake."""
    try:
        result = edgeclassify.main(args=arguments, prog_name="edgeclassify", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        command = context.command_path if context else "edgeclassify"
        said = error.format_message().rstrip(".?").replace(". Did you mean ", "; did you mean ")
        print(f"edgeclassify: {said[:1].lower()}{said[1:]}; see: {command} --help", file=sys.stderr)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 0
    except SystemExit:
        return 0  # click's word for a reader (head, less) that has gone: nothing more is wanted
    except EdgeClassifyError as error:
        print(f"edgeclassify: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if error.errno not in _CANNOT_BE_SAID or error.filename is not None:
            raise
        return _cannot_be_said(error)
    return result if isinstance(result, int) else 0


def _said_to_the_end(code: int) -> int:
    """Write what is left to be said; return the exit code."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_what_is_left()
    except OSError as error:
        return _cannot_be_said(error)
    return code


def _cannot_be_said(error: OSError) -> int:
    print(f"edgeclassify: standard output: {error.strerror}; free some space, or send it elsewhere", file=sys.stderr)
    _forget_what_is_left()
    return UnavailableError.exit_code


def _forget_what_is_left() -> None:
    """Keep the interpreter from trying again at its end, which would be a traceback."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
