"""Every command line of README.md, in order, in a fresh clone; then every promise of its table. Minutes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker import Broker
from tests.readme.document import Command, Configuration, Promise, promises, read, runnable
from tests.readme.session import Session
from tests.readme.world import World

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(600)]

README = read(Path(__file__).parents[2] / "README.md")
PROMISE_S = 60


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("readme")
    home = folder / "home"
    home.mkdir()
    with Broker(folder / "broker") as broker:
        yield World(home, shared, broker)


@pytest.fixture(scope="module")
def session(world: World) -> Iterator[Session]:
    session = Session(world)
    yield session
    session.end()


@pytest.mark.parametrize(
    "item",
    [item for item in runnable(README) if isinstance(item, Configuration) or not item.needs],
    ids=lambda item: str(item) if isinstance(item, Command) else f"{item.line}: config.yaml",
)
def test_a_line_of_the_readme_works(item: Command | Configuration, session: Session) -> None:
    if isinstance(item, Configuration):
        session.configure(item)
    else:
        print(f"{session.run(item).seconds:.1f} s")


@pytest.mark.parametrize("promise", [promise for promise in promises(README) if promise.is_quick], ids=str)
def test_a_promise_can_be_seen_kept_within_a_minute(promise: Promise, world: World, session: Session) -> None:
    session.end()
    assert promise.commands, "its third column names no command"
    world.terminal.go_to(world.clone)
    for command in promise.commands:
        ran = world.terminal.run(command, PROMISE_S)
        ran.check()
        print(f"{command}: {ran.seconds:.1f} s")
