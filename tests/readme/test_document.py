"""What can be told of README.md by reading it, and the reading itself."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from edgeclassify.cli import run_command
from edgeclassify.config.reader import load_config
from tests.readme.document import (
    Command,
    Configuration,
    Promise,
    commands,
    promises,
    read,
    runnable,
    spans,
    without_comment,
)

PROJECT = Path(__file__).parents[2]
README = read(PROJECT / "README.md")
CHINESE = PROJECT / "README.zh-CN.md"

EXAMPLE = """
# A thing

<!-- needs root -->
```
sudo ./install       # it
ls \\
  -l                 # needs a camera, a Coral
```

`edgeclassify check --schema`, and `cat`.

```yaml
cameras: {a: {source: test}}
```

```text
$ not this
```

| Promise | Measured | Run it yourself |
|---|---|---|
| it is quick | 1 s | `a`, then `b \\| c` |
| it flies | | not tried on hardware: `d` |
| it lasts | for 10 minutes | `e --minutes 1` |

```sh
mosquitto_sub -t 'edgeclassify/#' -v
```
"""


def test_commands_come_in_order_with_what_they_need() -> None:
    assert runnable(EXAMPLE) == [
        Command("sudo ./install", 6, 0, frozenset({"root"})),
        Command("ls -l", 7, 0, frozenset({"root", "a camera", "a Coral"})),
        Configuration("cameras: {a: {source: test}}\n", 14),
        Command("mosquitto_sub -t 'edgeclassify/#' -v", 28, 3, frozenset()),
    ]


def test_an_unknown_need_is_an_error_and_not_overlooked() -> None:
    with pytest.raises(AssertionError, match="a camra"):
        commands("```\nx  # needs a camra\n```\n")


def test_promises_are_read_from_their_table() -> None:
    assert promises(EXAMPLE) == [
        Promise("it is quick", ("a", "b \\| c"), is_quick=True),
        Promise("it flies", ("d",), is_quick=False),
        Promise("it lasts", ("e --minutes 1",), is_quick=True),
    ]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("a b", ("a b", "")),
        ("a  # b # c", ("a", "b # c")),
        ("a 'x # y' \"# z\" # b", ("a 'x # y' \"# z\"", "b")),
        ("a b#c", ("a b#c", "")),
        ("# only", ("", "only")),
        ("a -t 'e/#'   # it's", ("a -t 'e/#'", "it's")),
    ],
)
def test_a_comment_is_told_from_what_is_quoted(line: str, parts: tuple[str, str]) -> None:
    assert without_comment(line) == parts


def test_only_commands_of_this_program_count_within_sentences() -> None:
    assert spans(EXAMPLE) == ["edgeclassify check --schema"]


def _of_this_program(text: str) -> list[str]:
    """What to ask of each `edgeclassify` in a line, one of them an option that does not exist is refused."""
    asked = []
    for part in text.split("&&"):
        words = shlex.split(part)
        if "edgeclassify" in words[:2]:
            asked.append(shlex.join(words[words.index("edgeclassify") + 1 :]))
    return asked


@pytest.mark.parametrize(
    "words",
    sorted(
        {w for text in [*map(str, (c.text for c in commands(README))), *spans(README)] for w in _of_this_program(text)}
    ),
)
def test_every_command_and_option_that_is_named_exists(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*shlex.split(words), "--help"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    "item", [item for item in runnable(README) if isinstance(item, Configuration)], ids=lambda item: item.line
)
def test_every_configuration_is_valid(item: Configuration, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(item.text, encoding="utf-8")
    load_config(config)


def test_the_chinese_readme_has_the_same_commands() -> None:
    assert [(one.text, one.block) for one in commands(read(CHINESE))] == [
        (one.text, one.block) for one in commands(README)
    ]


def test_the_chinese_readme_makes_the_same_promises() -> None:
    assert [row.commands for row in promises(read(CHINESE))] == [row.commands for row in promises(README)]
