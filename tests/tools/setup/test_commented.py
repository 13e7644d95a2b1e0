"""The file that the set-up writes says what it was told, with a comment for each key."""

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify import resources
from edgeclassify.config.yamlfile import parse_document
from edgeclassify.tools.setup.commented import commented

SCALARS = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
KEYS = st.sampled_from(["node", "mqtt", "cameras", "events", "thresholds", "*"]) | st.text(max_size=8) | st.integers()
DATA = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
    ),
    max_size=5,
)


def read(text: str) -> Any:
    document = parse_document(Path("config.yaml"), text)
    assert document.problems == []
    return document.data


def _can_be_written(data: Any) -> bool:
    """YAML has no half characters, and this program no zero bytes."""
    text = yaml.safe_dump(data, allow_unicode=True)
    return "\\0" not in text and not any("\ud800" <= c <= "\udfff" for c in str(data))


@given(data=DATA.filter(_can_be_written))
def test_what_was_written_is_read_again(data: dict[Any, Any]) -> None:
    assert read(commented(data, "A header,\nof two lines")) == data


def test_the_default_configuration_is_written_as_it_is() -> None:
    data = yaml.safe_load(resources.default_config().read_text())
    assert read(commented(data, "")) == data


def test_each_key_has_its_comment_and_sections_stand_apart() -> None:
    data = {
        "node": "porch",
        "mqtt": {"host": "nas", "tls": {"enabled": True}},
        "cameras": {"door": {"source": "rtsp://ann@h/1", "events": {"thresholds": {"*": 0.5, "cat": 0.3}}}},
    }
    assert commented(data, "hello").splitlines() == [
        "# hello",
        "",
        "# name of this device in topics; default: the host's name",
        "node: porch",
        "",
        "mqtt:",
        "  host: nas                    # the broker's name or address",
        "  tls:",
        "    enabled: true              # whether to use TLS",
        "",
        "cameras:",
        "  door:",
        "    # auto, picamera, picamera:1, /dev/video0, rtsp://..., http://..., a",
        "    # file, a folder of pictures, or test",
        "    source: rtsp://ann@h/1",
        "    events:",
        "      thresholds:",
        "        '*': 0.5",
        "        cat: 0.3",
    ]


def test_no_line_is_wider_than_the_default_configurations() -> None:
    data = yaml.safe_load(resources.default_config().read_text())
    assert max(map(len, commented(data, "").splitlines())) <= 120
