"""Runs a README's commands in a world, as a person works through it from top to bottom."""

from __future__ import annotations

import re

from tests.readme.document import Command, Configuration
from tests.readme.lasting import expected_of, is_daemon
from tests.readme.standing_in import as_run_here
from tests.readme.terminal import Ran, Running
from tests.readme.world import World

_LIMIT_S = 300
_WORDS_S = 120  # until a command that goes on has said what it should; the demo sets itself up before


class Session:
    """One walk through the document; a daemon goes on until its block's end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._configured = False
        self._daemon: Running | None = None
        self._block = -1

    def configure(self, configuration: Configuration) -> None:
        """Write the first configuration with cameras."""
        if not self._configured and "cameras:" in configuration.text:
            self._configured = True
            self._world.configure(configuration)

    def run(self, command: Command) -> Ran:
        """Run one command; it ended with 0 and without a traceback."""
        if command.block != self._block:
            self.end()
            self._block = command.block
        self._world.prepare_for(command.text)
        ran = self._run(as_run_here(command.text, self._world.answers))
        ran.check()
        return ran

    def end(self) -> None:
        """Stop what runs in the background."""
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.interrupt().check()

    def _run(self, text: str) -> Ran:
        terminal, expected = self._world.terminal, expected_of(text)
        if expected is None:
            return terminal.run(text, _LIMIT_S)
        if not is_daemon(text):
            return terminal.run_until(text, expected, _WORDS_S)
        self.end()
        self._daemon = terminal.start(text)
        self._daemon.wait_for(expected, _WORDS_S)
        said = self._daemon.said()
        assert re.search(expected, said), f"{text}: did not say {expected!r} but:\n{said}"
        return Ran(text, 0, said, 0.0)
