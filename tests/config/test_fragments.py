"""config.d/*.yaml: merged over config.yaml, and every mistake named with the file and line it stands in."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeclassify.config.document import Document, Place
from edgeclassify.config.fragments import merged
from edgeclassify.config.labels import label_problems
from edgeclassify.config.reader import ConfigFile, load_config
from edgeclassify.config.sections import Config
from edgeclassify.errors import ConfigError
from edgeclassify.vocabulary import Vocabulary

Site = Callable[..., ConfigFile]
Mistakes = Callable[..., list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write config.yaml and, by name, what lies in config.d."""

    def write_files(main: str, fragments: dict[str, str | bytes]) -> Path:
        folder = tmp_path / "config.d"
        folder.mkdir(exist_ok=True)
        for name, text in fragments.items():
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        (tmp_path / "config.yaml").write_text(main)
        return tmp_path / "config.yaml"

    return write_files


@pytest.fixture
def load(write: Callable[..., Path]) -> Site:
    """Load a configuration with its fragments."""
    return lambda main="", **fragments: load_config(write(main, _named(fragments)))


@pytest.fixture
def problems(write: Callable[..., Path]) -> Mistakes:
    """Load what is wrong; give each problem without the folder."""

    def load_problems(main: str = "", **fragments: str | bytes) -> list[str]:
        path = write(main, _named(fragments))
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        return [problem.replace(f"{path.parent}/", "") for problem in caught.value.problems]

    return load_problems


def _named(fragments: dict[str, str | bytes]) -> dict[str, str | bytes]:
    """Keywords are no file names: `a10` is 10-a.yaml."""
    return {f"{name[1:]}-{name[0]}.yaml": text for name, text in fragments.items()}


def test_keys_with_values_are_merged_and_later_names_win(load: Site) -> None:
    file = load(
        "node: porch\nmqtt: {host: here, port: 1884}\nevents: {ignore: [a, b], thresholds: {cat: 0.4, '*': 0.7}}\n",
        b20="mqtt: {host: last}\nevents: {ignore: [c]}\n",
        a10="mqtt: {host: site, username: ann}\nevents: {thresholds: {'*': 0.5, dog: 0.3}}\n",
    )
    mqtt, events = file.config.mqtt, file.config.events
    assert (file.config.node, mqtt.host, mqtt.port, mqtt.username) == ("porch", "last", 1884, "ann")
    assert events.ignore == ["c"], "lists replace"
    assert events.thresholds == {"cat": 0.4, "*": 0.5, "dog": 0.3}


def test_a_fragment_adds_cameras_and_switches_one_off(load: Site) -> None:
    file = load(
        "cameras: {porch: {source: test, rotate: 90}}\n", a10="cameras: {porch: {enabled: false}, yard: {source: test}}"
    )
    porch, yard = file.config.cameras["porch"], file.config.cameras["yard"]
    assert (porch.enabled, porch.rotate, yard.enabled) == (False, 90, True)


def test_what_is_of_another_kind_replaces(load: Site) -> None:
    assert load("events: {groups: home}", a10="events: {groups: {pet: [1, 2]}}").config.events.groups == {"pet": [1, 2]}
    assert load("events: {groups: {pet: [1]}}", a10="events: {groups: home}").config.events.groups == "home"


def test_a_key_with_nothing_below_it_changes_nothing(load: Site) -> None:
    file = load("mqtt: {host: here}\ncameras: {porch: {rotate: 90}}\n", a10="mqtt:\ncameras:\n  porch:\n  yard:\n")
    assert file.config.mqtt.host == "here"
    assert {name: camera.rotate for name, camera in file.config.cameras.items()} == {"porch": 90, "yard": 0}


def test_each_place_is_that_of_the_file_that_holds(load: Site) -> None:
    file = load("events:\n  thresholds: {cat: 0.4, dog: 0.4}\n", a10="\n\nevents: {thresholds: {cat: 0.5}}\n")
    fragment = file.base / "config.d/10-a.yaml"
    assert file.place(("events", "thresholds", "cat")) == Place(fragment, 3, "0.5")
    assert file.place(("events", "thresholds", "dog")) == Place(file.path, 2, "0.4")
    assert file.files == f"{file.path} + config.d/10-a.yaml"


def test_every_problem_is_named_with_its_file_and_line(problems: Mistakes) -> None:
    found = problems(
        "node: A\nmqtt:\n  hots: x\n",
        b20="mqtt: {tls: {certificate: x}}\nmqtt: {}\n",
        a10="# the site\nmqtt:\n  prot: 1\n  port: high\ncameras: {door: {size: [32]}}\n",
    )
    assert found == [
        "config.yaml:1: node: must be a-z, 0-9, _ and - only, at most 64 of them, got 'A'",
        "config.yaml:3: mqtt.hots: unknown key; did you mean 'host'?",
        "config.d/10-a.yaml:3: mqtt.prot: unknown key; did you mean 'port'?",
        "config.d/10-a.yaml:4: mqtt.port: must be a whole number, got 'high'",
        "config.d/10-a.yaml:5: cameras.door.size: must have 2 values, got [32]",
        "config.d/20-b.yaml:2: mqtt: is here twice, first in line 1; remove one",
    ]


def test_the_same_key_in_two_files_is_no_duplicate(load: Site) -> None:
    assert load("node: a\n", a10="node: b\n", b20="node: c\n").config.node == "c"


def test_labels_are_named_with_their_file_too(load: Site) -> None:
    file = load("events: {thresholds: {cat: 0.4}}\n", a10="events:\n  thresholds: {tabby: 0.5, dgo: 0.5}\n")
    errors, _ = label_problems(file, lambda _: Vocabulary(["cat, tabby", "dog"]))
    assert [error.replace(f"{file.base}/", "") for error in errors] == [
        (
            "config.d/10-a.yaml:2: events.thresholds.tabby: means the same label as 'cat' in config.yaml line 1; "
            "remove one"
        ),
        "config.d/10-a.yaml:2: events.thresholds.dgo: the model has no label 'dgo'; did you mean 'dog'?",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "config.d/10-a.yaml: is empty; write it again, or remove it"),
        (b"\n \n", "config.d/10-a.yaml: is empty; write it again, or remove it"),
        (b"node: \xff", "config.d/10-a.yaml:1: is not UTF-8 text; is it the right file? If so, save it as UTF-8"),
        (b"node: 'a", "config.d/10-a.yaml:1: a quote or bracket is not closed"),
        (b"- node", "config.d/10-a.yaml:1: must be keys with values; is it the right file?"),
        (b"s3cret", "config.d/10-a.yaml:1: must be keys with values; is it the right file?"),
    ],
)
def test_a_broken_fragment_is_an_error_that_names_it(problems: Mistakes, text: bytes, problem: str) -> None:
    assert problems("node: a\n", a10=text) == [problem]


def test_all_broken_fragments_are_named_at_once(problems: Mistakes) -> None:
    assert len(problems("", a10="", b20=b"\xff", c30="node: x\n")) == 2


def test_a_main_file_that_is_no_mapping_is_not_hidden_by_its_fragments(problems: Mistakes) -> None:
    assert problems("- a\n", a10="node: x\n") == [
        "config.yaml: must be keys with values, indented below it; is it the right file?"
    ]


def test_a_fragment_of_comments_changes_nothing(load: Site) -> None:
    assert load("node: a\n", a10="# node: b\n").config.node == "a"


def test_links_and_folders_that_are_no_files_are_named(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write("", {})
    (tmp_path / "config.d/10.yaml").mkdir()
    (tmp_path / "config.d/20.yaml").symlink_to("nowhere.yaml")
    os.mkfifo(tmp_path / "config.d/30.yaml")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert [problem.split(": ")[1] for problem in caught.value.problems] == 3 * [
        "is no file, or a link that leads nowhere; remove it"
    ]


def test_a_config_d_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    (tmp_path / "config.d").touch()
    with pytest.raises(ConfigError, match=r"config\.d: cannot be looked into: Not a directory"):
        load_config(tmp_path / "config.yaml")


def test_too_many_fragments_are_refused(write: Callable[..., Path]) -> None:
    path = write("", {f"{number}.yaml": "node: a" for number in range(101)})
    with pytest.raises(ConfigError, match="holds 101 files; at most 100"):
        load_config(path)


def test_only_names_that_end_in_yaml_count_and_a_near_miss_is_warned_of(write: Callable[..., Path]) -> None:
    ignored = [".10.yaml", "10.yaml~", ".10.yaml.swp", "10.yaml.bak", "README", "#10.yaml#"]
    file = load_config(write("node: a\n", dict.fromkeys([*ignored, "10.yml", "10.YAML"], "node: wrong\n")))
    assert file.config.node == "a"
    assert [Path(warning.split(": ")[0]).name for warning in file.document.warnings] == ["10.YAML", "10.yml"]
    assert "only names that end in .yaml count" in file.document.warnings[0]


def test_paths_are_relative_to_the_file_they_stand_in(tmp_path: Path, load: Site) -> None:
    fragment = """\
state_dir: state
model: {name: m.tflite, labels: m.txt, edgetpu_library: ./libedgetpu.so}
cameras: {a: {source: clips}, b: {source: rtsp://h/a}, c: {source: auto}, d: {source: /dev/video0}, e: {source: ~/p}}
mqtt: {password_file: secret, tls: {enabled: true, ca: ../ca.pem, certificate: /c.pem, key: k.pem}}
"""
    config = load("cameras: {main: {source: clips}}", a10=fragment).config
    assert config.cameras["main"].source == "clips"
    assert (config.state_dir, config.mqtt.password_file) == ("config.d/state", "config.d/secret")
    assert (config.model.name, config.model.labels) == ("config.d/m.tflite", "config.d/m.txt")
    assert config.model.edgetpu_library == "config.d/./libedgetpu.so"
    assert [config.cameras[name].source for name in "abcde"] == [
        "config.d/clips", "rtsp://h/a", "auto", "/dev/video0", "~/p",
    ]  # fmt: skip
    tls = config.mqtt.tls
    assert (tls.ca, tls.certificate, tls.key) == ("config.d/../ca.pem", "/c.pem", "config.d/k.pem")


def test_names_of_a_model_and_of_a_library_are_no_paths(load: Site) -> None:
    model = load("", a10="model: {name: starter, edgetpu_library: libedgetpu.so.1}").config.model
    assert (model.name, model.edgetpu_library) == ("starter", "libedgetpu.so.1")


def test_fragments_lie_beside_the_file_that_a_link_leads_to(tmp_path: Path, write: Callable[..., Path]) -> None:
    write("mqtt: {host: main}\n", {"10.yaml": "node: fragment\nmqtt: {password_file: p}\n"})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/link.yaml").symlink_to("../config.yaml")
    file = load_config(tmp_path / "elsewhere/link.yaml")
    assert (file.config.node, file.config.mqtt.password_file, file.base) == ("fragment", "config.d/p", tmp_path)


def test_a_linked_fragment_has_its_paths_where_it_really_lies(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write("", {})
    (tmp_path / "site").mkdir()
    (tmp_path / "site/common.yaml").write_text("mqtt: {password_file: p}\n")
    (tmp_path / "config.d/10.yaml").symlink_to("../site/common.yaml")
    assert load_config(path).config.mqtt.password_file == "site/p"


def read_by_nobody(folder: Path) -> str:
    """Read a configuration as a user without rights; return the last line said."""
    code = (
        "import encodings.utf_8_sig, os, sys, pathlib; from edgeclassify.config.reader import load_config\n"
        "folder = os.open(sys.argv[1], os.O_PATH); os.setresuid(65534, 65534, 65534)\n"
        "load_config(pathlib.Path(f'/proc/self/fd/{folder}/config.yaml'))"
    )
    result = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
    return result.stderr.splitlines()[-1]


@pytest.mark.skipif(os.geteuid() != 0, reason="cannot run here: only root can become another user")
def test_a_folder_that_the_user_may_not_look_into_says_so(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write("", {"10.yaml": "node: a\n"})
    path.chmod(0o644)
    tmp_path.chmod(0o755)
    (path.parent / "config.d").chmod(0o700)
    said = read_by_nobody(tmp_path)
    assert "config.d: cannot be looked into: Permission denied; see: ls -ld" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="cannot run here: only root can become another user")
def test_a_link_into_a_folder_of_somebody_else_says_so(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write("", {})
    path.chmod(0o644)
    tmp_path.chmod(0o755)
    (path.parent / "config.d").chmod(0o755)
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home/site.yaml").write_text("node: a\n")
    (path.parent / "config.d/10.yaml").symlink_to("../home/site.yaml")
    said = read_by_nobody(tmp_path)
    assert said.startswith("edgeclassify.errors.ConfigError: ")
    assert "config.d/10.yaml: cannot be read (Permission denied); see: ls -lL" in said


def test_a_link_to_a_name_that_no_file_can_have_says_so(write: Callable[..., Path]) -> None:
    path = write("", {})
    (path.parent / "config.d/10.yaml").symlink_to("a" * 300)
    with pytest.raises(ConfigError, match=r"config\.d/10\.yaml: cannot be read \(File name too long\)"):
        load_config(path)


# --- properties

WHOLE = {
    "node": "porch",
    "model": {"name": "starter", "threads": 2},
    "cameras": {
        "porch": {"source": "test", "size": [320, 240], "events": {"thresholds": {"cat": 0.4, 3: 0.5}, "margin": 0.2}},
        "yard": {"source": "rtsp://ann@h/1", "enabled": False},
    },
    "events": {"groups": {"pet": ["cat", 3], "bird": [7]}, "thresholds": {"*": 0.6, "pet": 0.3}, "ignore": []},
    "mqtt": {"host": "nas", "tls": {"enabled": True, "ca": "/ca"}, "outbox": {"max_events": 5}},
    "snapshots": {"enabled": False},
}
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def leaves(data: dict[Any, Any], path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def put(data: dict[Any, Any], path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        data = data.setdefault(key, {})
    data[path[-1]] = copy.deepcopy(value)


@QUICK
@given(data=st.data())
def test_a_configuration_split_into_fragments_is_the_same_as_whole(tmp_path: Path, data: st.DataObject) -> None:
    parts: list[dict[Any, Any]] = [{}, {}, {}, {}]
    for path, value in leaves(WHOLE):
        first = data.draw(st.integers(0, 3))
        for number in data.draw(st.sets(st.integers(0, first))):
            put(parts[number], path, "overridden")  # by what comes after it
        put(parts[first], path, value)
    shutil.rmtree(tmp_path / "config.d", ignore_errors=True)
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(parts[0]))
    for number, part in enumerate(parts[1:]):
        (tmp_path / f"config.d/{number}.yaml").write_text(yaml.safe_dump(part))
    assert load_config(tmp_path / "config.yaml").config == Config.model_validate(WHOLE)


VALUES = st.recursive(
    st.none() | st.integers(0, 3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def document(name: str, data: Any) -> Document:
    def places(data: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
            yield (*path, key)
            yield from places(value, (*path, key))

    return Document(Path(name), data, {path: Place(Path(name), 1) for path in places(data, ())})


@given(below=MAPPINGS, above=MAPPINGS, top=MAPPINGS)
def test_merging_is_associative_and_every_value_has_the_place_of_its_file(below: Any, above: Any, top: Any) -> None:
    first, second, third = document("first", below), document("second", above), document("third", top)
    together = merged(merged(first, second), third)
    for path, place in document("", together.data).places.items():
        sources = [one for one in (first, second, third) if path in one.places]
        assert together.places[path].file in {one.path for one in sources}, place
    if None not in [value for one in (below, above, top) for _, value in leaves(one)]:
        assert together.data == merged(first, merged(second, third)).data
