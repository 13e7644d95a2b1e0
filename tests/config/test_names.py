"""Names in topics, and where the state lies."""

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.config.names import node_name, slug, state_dir
from edgeclassify.config.sections import Config


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tabby, tabby cat", "tabby_tabby_cat"),
        ("Crème brûlée!", "creme_brulee"),
        ("  a/#+b\0\n", "a_b"),
        ("ﬁsh №5", "fish_no5"),
        ("兔子", "empty"),
        ("😀", "empty"),
        ("", "empty"),
        ("___", "empty"),
        ("x" * 1000, "x" * 64),
        ("x" * 63 + " y", "x" * 63),
    ],
)
def test_a_slug_is_the_text_in_plain_letters(text: str, expected: str) -> None:
    assert slug(text, "empty") == expected


@given(st.text())
def test_a_slug_fits_into_any_topic_and_is_its_own_slug(text: str) -> None:
    found = slug(text, "empty")
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", found)
    assert len(found) <= 64
    assert slug(found, "empty") == found


def test_the_node_is_what_the_file_says_else_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    assert node_name(Config(node="porch_1")) == "porch_1"
    for host, expected in [
        ("Porch-Pi.local", "porch-pi"),
        ("raspberrypi", "raspberrypi"),
        ("-_-", "edgeclassify"),
        ("", "edgeclassify"),
    ]:
        monkeypatch.setattr("socket.gethostname", lambda host=host: host)
        assert node_name(Config()) == expected


@given(st.text(alphabet=string.printable))
def test_every_host_gives_a_node_that_the_file_could_say(host: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: host)
        Config(node=node_name(Config()))


def test_the_state_lies_where_the_file_systemd_or_the_users_folders_say(monkeypatch: pytest.MonkeyPatch) -> None:
    base = Path("/base")
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert state_dir(Config(), base) == Path("/home/ann/.local/state/edgeclassify")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_dir(Config(), base) == Path("/home/ann/.local/state/edgeclassify")
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    assert state_dir(Config(), base) == Path("/xdg/edgeclassify")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/edgeclassify:/var/lib/other")
    assert state_dir(Config(), base) == Path("/var/lib/edgeclassify")
    assert state_dir(Config(state_dir="state"), base) == Path("/base/state")
    assert state_dir(Config(state_dir="~/state"), base) == Path("/home/ann/state")
    assert state_dir(Config(state_dir="/abs"), base) == Path("/abs")
