"""`edgeclassify run`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from edgeclassify.cli.options import config_option


@click.command(epilog="Example: edgeclassify run -c /etc/edgeclassify/config.yaml")
@config_option
@click.option("-v", "--verbose", is_flag=True, help="Log what every frame came to.")
def command(config_path: Path | None, *, verbose: bool) -> int:
    """Run the daemon in the foreground until SIGTERM or Ctrl-C."""
    with _hang_up_held_back():
        import faulthandler

        from edgeclassify import logs
        from edgeclassify.config.reader import find_config, load_config
        from edgeclassify.daemon import run_daemon
        from edgeclassify.errors import EdgeClassifyError
        from edgeclassify.systemd import Systemd

        logs.set_up(verbose=verbose)
        # systemd's watchdog ends it with SIGABRT: the journal then shows where each thread was. 2 is stderr, whatever
        # Python takes for it.
        faulthandler.enable(2)
        try:
            return run_daemon(load_config(find_config(config_path)))
        except EdgeClassifyError as error:
            Systemd().status(str(error))
            raise


@contextmanager
def _hang_up_held_back() -> Iterator[None]:
    """Let SIGHUP wait until the daemon heeds it: before, it would end this process. It is a reload after the start."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        if signal.SIGHUP in signal.sigpending():
            signal.sigwait({signal.SIGHUP})  # nothing has started: there is nothing to reload
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
