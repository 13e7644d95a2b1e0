"""What a person sees who writes config.yaml wrongly, and what is read when it is right."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeclassify import resources
from edgeclassify.config.reader import ConfigFile, find_config, load_config
from edgeclassify.config.sections import CameraConfig, Config
from edgeclassify.errors import ConfigError

Load = Callable[[str | bytes], ConfigFile]
Problems = Callable[[str | bytes], list[str]]


def test_every_problem_is_said_at_once_with_line_path_value_and_advice(problems: Problems) -> None:
    text = """\
node: "A b"
threads: 3
model: {scores: prob, threads: 1.5, accelerator: tpu, name: 007}
cameras:
  1: {}
  door:
    sorce: x
    rotate: 45
    enabled: "yes"
    region: [0, 0, a, 1]
    size: [1, 480, 3]
    flip: no
  yard:
    frames_per_second: 5000
events: {margin: 1.5, ignore: background}
mqtt:
  hst: a
  host:
  port: 70000
  base_topic: a/#
  tls: {certificate: a}
"""
    assert problems(text) == [
        "config.yaml:1: node: must be a-z, 0-9, _ and - only, at most 64 of them, got 'A b'",
        "config.yaml:2: threads: unknown key; it belongs into model.threads",
        "config.yaml:3: model.name: must be text, got 007; put it in quotes: '007'",
        "config.yaml:3: model.scores: must be auto, probabilities or logits, got 'prob'",
        (
            "config.yaml:3: model.accelerator: must be auto, cpu, edgetpu, or one device: edgetpu:usb:0, "
            "edgetpu:pci:0, got 'tpu'"
        ),
        "config.yaml:3: model.threads: must be a whole number, got 1.5",
        "config.yaml:5: cameras.1: a key must be text here; quote it: '1'",
        "config.yaml:7: cameras.door.sorce: unknown key; did you mean 'source'?",
        "config.yaml:8: cameras.door.rotate: must be 0, 90, 180 or 270, got 45",
        "config.yaml:9: cameras.door.enabled: must be true or false, got 'yes'",
        "config.yaml:10: cameras.door.region item 3: must be a number, got 'a'",
        "config.yaml:11: cameras.door.size: must have 2 values, got [1, 480, 3]",
        "config.yaml:12: cameras.door.flip: must be none, horizontal, vertical or both, got no",
        "config.yaml:14: cameras.yard.frames_per_second: must be at most 1000, got 5000",
        "config.yaml:15: events.ignore: must be a list, like [a, b], got 'background'",
        "config.yaml:15: events.margin: must be at most 1, got 1.5",
        "config.yaml:17: mqtt.hst: unknown key; did you mean 'host'?",
        "config.yaml:18: mqtt.host: has no value; write one, or remove the line for the default",
        "config.yaml:19: mqtt.port: must be at most 65535, got 70000",
        "config.yaml:20: mqtt.base_topic: must be a topic without +, #, an empty level or a leading $, got 'a/#'",
        "config.yaml:21: mqtt.tls: must have both of certificate and key, or none",
    ]


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ("0", "must be above 0, got 0"),
        ("-0.0", "must be above 0, got -0.0"),
        ("1.5", "must be at most 1, got 1.5"),
        ("60", "must be at most 1, got 60; write 0.6 for 60 %"),
        ("60%", "must be a number, got '60%'; write 0.6"),
        ('"0.6"', "must be a number, got '0.6'; write 0.6"),
        ("0,6", "must be a number, got '0,6'; write 0.6"),
        ("6e-1", "must be a number, got '6e-1'; write 0.6"),
        (".nan", "must be a finite number, got .nan"),
        ("-.inf", "must be a finite number, got -.inf"),
        ("high", "must be a number, got 'high'"),
        ("yes", "must be a number, got yes"),
        ("[0.6]", "must be a number, got [0.6]"),
        ("", "has no value; write one, or remove the line for the default"),
    ],
)
def test_a_threshold_is_a_number_above_0_and_at_most_1(problems: Problems, threshold: str, message: str) -> None:
    assert problems(f"events:\n  thresholds:\n    cat: {threshold}\n") == [
        f"config.yaml:3: events.thresholds.cat: {message}"
    ]


def test_a_threshold_of_1_is_allowed(load: Load) -> None:
    assert load("events: {thresholds: {cat: 1, 281: 0.5}}").config.events.thresholds == {"cat": 1, 281: 0.5}


@pytest.mark.parametrize("camera", ["a/b", "a+b", "a b", "Door", "#", "tür", "x" * 65, '""'])
def test_ids_fit_into_topics(problems: Problems, camera: str) -> None:
    (problem,) = problems(f"cameras:\n  {camera}: {{}}\n" if camera != "#" else 'cameras:\n  "#": {}\n')
    assert problem.startswith("config.yaml:2: cameras.")
    assert problem.endswith("this key must be a-z, 0-9, _ and - only, 1 to 64 of them")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"\x00\x01", "config.yaml:1: holds a zero byte, so it is no text; is it the right file?"),
        (b"a: 1\n\xff\xfe", "config.yaml:2: is not UTF-8 text; is it the right file? If so, save it as UTF-8"),
        ("node: a".encode("utf-16"), "config.yaml:1: is not UTF-8 text; is it the right file? If so, save it as UTF-8"),
        (b"node: \x01", "config.yaml:1: a control character (code 1) stands here; take it out"),
        (b"mqtt:\n\thost: a", ("config.yaml:2: a tab, or a sign that YAML reserves, stands here; indent with spaces, "
         "quote such texts")),
        (b"node: a: b", "config.yaml:1: a ':' too many, or the line is indented wrongly; quote texts that hold ': '"),
        (b"mqtt:\n  host: a\n port: 1", "config.yaml:3: the line is indented differently from its neighbours"),
        (b'node: "a', "config.yaml:1: a quote or bracket is not closed"),
        (b"mqtt: {", "config.yaml:1: a quote or bracket is not closed"),
        (b"node: *a", "config.yaml:1: a word that begins with * must be in quotes"),
        (b"--- {}\n--- {}", "config.yaml:2: a second document begins; remove the line ---"),
        (b"- a", "config.yaml: must be keys with values, indented below it; is it the right file?"),
        (b"s3cret", "config.yaml: must be keys with values, indented below it; is it the right file?"),
        (b"node: !python/object a", "config.yaml:1: node: words that begin with ! must be in quotes"),
        (b"node: !!int abc", "config.yaml:1: node: is not a number or text that can be used"),
        (b"model: {threads: " + b"9" * 5000 + b"}", ("config.yaml:1: model.threads: is not a number or text "
         "that can be used")),
        (b"no: 1", "config.yaml:1: a key is read as true or false here; quote it: 'no'"),
        (b"1.5: 1", "config.yaml:1: a key is read as a number here; quote it: '1.5'"),
        (b"? [a]\n: 1", "config.yaml:1: a list, a mapping or a tag stands here as a key; put the key in quotes"),
        (b"node: a\nmqtt: {}\nnode: b", "config.yaml:3: node: is here twice, first in line 1; remove one"),
        (b"{node: a, node: b}", "config.yaml:1: node: is here twice, first in line 1; remove one"),
        (b"cameras: {}", "config.yaml:1: cameras: must name at least one"),
        (b"events: {groups: 5}", ("config.yaml:1: events.groups: must be keys with values, indented below it or text, "
         "got 5")),
        (b"events: {groups: {cat: [1.5]}}", ("config.yaml:1: events.groups.cat item 1: must be text or a whole number, "
         "got 1.5; put it in quotes: '1.5'")),
        (b"events: {ignore: [no]}", ("config.yaml:1: events.ignore item 1: must be text or a whole number, got no; "
         "put it in quotes: 'no'")),
        (b"cameras: {a: {region: [0.5, 0, 0.6, 1]}}", ("config.yaml:1: cameras.a.region: must stay in the frame: "
         "left + width and top + height at most 1, got [0.5, 0, 0.6, 1]")),
        (b'node: "\\uD800"', "config.yaml:1: node: is not a number or text that can be used"),
        (b'node: "\\e[31m"',
         "config.yaml:1: node: must be a-z, 0-9, _ and - only, at most 64 of them, got '\\x1b[31m'"),
    ],
)  # fmt: skip
def test_what_is_not_a_configuration_is_told_in_one_line(problems: Problems, text: bytes, problem: str) -> None:
    assert problems(text) == [problem]


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "{}", "\ufeffmqtt:\nevents:\ncameras:\n"])
def test_an_empty_file_is_the_default_configuration(load: Load, text: str) -> None:
    assert load(text).config == Config()


def test_a_camera_of_which_only_the_name_is_written_has_the_defaults(load: Load) -> None:
    assert load("cameras:\n  door:\n").config.cameras == {"door": CameraConfig()}


def test_parts_can_be_repeated_by_name_as_yaml_has_it(load: Load) -> None:
    text = "cameras:\n  a: &all {source: x, rotate: 90}\n  b:\n    <<: *all\n    source: y\n"
    file = load(text)
    assert file.config.cameras["b"] == CameraConfig(source="y", rotate=90)
    assert file.place(("cameras", "b", "rotate")).line == 2
    assert file.place(("cameras", "b", "source")).line == 5


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a ["
        + "x, " * 99
        + "]\nb: &b ["
        + "*a, " * 99
        + "]\nc: &c ["
        + "*b, " * 99
        + "]\nd: ["
        + "*c, " * 99
        + "]",
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a\n  <<: *a\n",
        "[" * 5000,
        "a: " + "{a: " * 5000,
        "- " * 5000,
    ],
)
def test_a_small_file_cannot_become_a_huge_one(problems: Problems, bomb: str) -> None:
    assert len(problems(bomb)) == 1


def test_a_file_larger_than_1_mb_is_refused(problems: Problems) -> None:
    assert problems(b"#" * 1_000_001) == ["config.yaml: is larger than 1 MB; is it the right file?"]


def test_of_many_problems_the_first_hundred_are_shown(problems: Problems) -> None:
    found = problems("".join(f"k{number}: 1\n" for number in range(500)))
    assert len(found) == 101
    assert found[-1] == "config.yaml: 400 more problems are not shown"


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="is a folder"):
        load_config(tmp_path)
    with pytest.raises(ConfigError, match=r"cannot be read \(Not a directory\); check the path"):
        load_config(Path(__file__) / "config.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "a\0b")


@pytest.mark.skipif(os.geteuid() != 0, reason="cannot run here: only root can become another user")
def test_a_file_that_the_user_may_not_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.touch(mode=0o600)
    code = (
        "import os, sys, pathlib; from edgeclassify.config.reader import load_config\n"
        "folder = os.open(sys.argv[1], os.O_PATH); os.setresuid(65534, 65534, 65534)\n"
        "load_config(pathlib.Path(f'/proc/self/fd/{folder}/config.yaml'))"
    )
    result = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert "this user may not read it; see: ls -l" in result.stderr.splitlines()[-1]


SECRET = "hunter2"
LEAKS = [
    f"mqtt: {{password: {SECRET}}}",
    f"password: {SECRET}",
    f"mqtt: {{passwd: {{a: {SECRET}}}}}",
    f"mqtt: {{password: !{SECRET} x}}",
    f"mqtt: {{password: *{SECRET}}}",
    f'mqtt: {{password: "{SECRET}}}',
    f"mqtt: {{password: {SECRET}, password: {SECRET}}}",
    f"mqtt: {{password_file: [{SECRET}]}}",
    f"mqtt: {{access_token: {SECRET}}}",
    f"mqtt: {{host: [mqtt://u:{SECRET}@h]}}",
    f"mqtt: {{base_topic: mqtt://u:{SECRET}@h}}",
    f"node: http://u:{SECRET}@h/{'x' * 90}",
    f"node: http://u:{SECRET}{'x' * 90}@h",
    f"node: rtsp://u:p/{SECRET}@h/",
    f"node: http://h/snap?user=a&password={SECRET}",
    f"cameras: {{door: {{source: [rtsp://u:a@{SECRET}@h/x]}}}}",
    f"cameras: {{door: {{password: {SECRET}}}}}",
    f"rtsp://u:{SECRET}@h: 1",
    f"? {{password: {SECRET}}}\n: 1",
    SECRET,
]


@pytest.mark.parametrize("text", LEAKS)
def test_no_problem_shows_a_password(problems: Problems, text: str) -> None:
    assert SECRET not in "\n".join(problems(text))


@pytest.mark.parametrize("text", ["mqtt: {{password: {}, port: 0}}", "mqtt: {{password: *{}}}"])
def test_a_traceback_shows_no_password_either(write: Callable[[str], Path], text: str) -> None:
    path = write(text.format(SECRET))
    code = "import sys, pathlib; from edgeclassify.config import reader; reader.load_config(pathlib.Path(sys.argv[1]))"
    result = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert "ConfigError" in result.stderr
    assert SECRET not in result.stderr


def test_a_password_gets_the_advice_where_to_put_it(problems: Problems) -> None:
    assert problems("mqtt:\n  password: hunter2\ncameras:\n  door:\n    password: hunter2\n") == [
        (
            "config.yaml:2: mqtt.password: unknown key; a password does not belong here: put it into a file and name "
            "that in mqtt.password_file, or use $EDGECLASSIFY_MQTT_PASSWORD or the systemd credential mqtt-password"
        ),
        (
            "config.yaml:5: cameras.door.password: unknown key; a camera's password belongs into its source: "
            "rtsp://USER:PASSWORD@HOST/..."
        ),
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=12,
)


def _keys(section: type) -> list[str]:
    return list(section.model_fields)


SECTION_LIKE = st.dictionaries(
    st.sampled_from(_keys(Config)),
    VALUES | st.dictionaries(st.sampled_from(["camera", "thresholds", "groups", "tls", "port", "events"]), VALUES),
)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(raw=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="replace")))
def test_no_bytes_give_anything_but_a_configuration_or_config_errors(
    write: Callable[[bytes], Path], raw: bytes
) -> None:
    _loads_or_says_why(write(raw))


@QUICK
@given(text=st.text(alphabet="ab:-?*&!|>'\"%@`{}[],#~.\\ \n\t019<", max_size=60))
def test_no_yaml_syntax_gives_anything_but_a_configuration_or_config_errors(
    write: Callable[[str], Path], text: str
) -> None:
    _loads_or_says_why(write(text))


@QUICK
@given(data=VALUES | SECTION_LIKE)
def test_no_values_give_anything_but_a_configuration_or_config_errors(
    write: Callable[[str], Path], data: object
) -> None:
    _loads_or_says_why(write(yaml.safe_dump(data, allow_unicode=True)))


def _loads_or_says_why(path: Path) -> None:
    try:
        load_config(path)
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.startswith(str(path))
            assert "\n" not in problem
            assert "Input should" not in problem
            problem.encode()


def test_the_file_is_found_in_the_promised_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGECLASSIFY_CONFIG", raising=False)
    in_etc = Path("/etc/edgeclassify/config.yaml")
    assert find_config(None) == (in_etc if in_etc.exists() else resources.default_config())
    Path("config.yaml").touch()
    assert find_config(None) == Path("config.yaml")
    monkeypatch.setenv("EDGECLASSIFY_CONFIG", "elsewhere.yaml")
    assert find_config(None) == Path("elsewhere.yaml")
    assert find_config(Path("mine.yaml")) == Path("mine.yaml")


def test_relative_paths_start_at_the_folder_of_the_file(write: Callable[[str], Path], tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.yaml"
    link.parent.mkdir()
    link.symlink_to(write(""))
    assert load_config(link).base == tmp_path


def test_a_problem_of_somebody_else_gets_its_place_in_the_file(load: Load) -> None:
    file = load("mqtt:\n  host: a\n")
    assert file.problem(("mqtt", "host"), "says no") == f"{file.path}:2: mqtt.host: says no"
    assert file.problem(("mqtt", "port"), "says no") == f"{file.path}:1: mqtt.port: says no"
    assert file.problem(("model", "name"), "says no") == f"{file.path}: model.name: says no"
    assert file.problem(("events", "thresholds", "a, b"), "no") == f"{file.path}: events.thresholds.'a, b': no"
