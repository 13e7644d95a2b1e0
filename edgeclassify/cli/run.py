"""`edgeclassify run`."""

from __future__ import annotations

from pathlib import Path

import click

from edgeclassify.cli.options import config_option


@click.command(epilog="Example: edgeclassify run -c /etc/edgeclassify/config.yaml")
@config_option
@click.option("-v", "--verbose", is_flag=True, help="Log what every frame came to.")
def command(config_path: Path | None, *, verbose: bool) -> int:
    """Run the daemon in the foreground until SIGTERM or Ctrl-C."""
    import faulthandler
    import signal

    # One that comes before anybody heeds it would end this process: it waits, and is a reload after the start.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
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
