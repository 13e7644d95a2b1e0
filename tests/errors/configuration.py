"""config.yaml done wrong."""

from __future__ import annotations

from tests.errors.case import Group, Show
from tests.errors.desk import Desk, Said

CONFIGURATION = Group(
    "Configuration",
    "`edgeclassify check`; `run` says the same. All problems of a file are told at once.",
)


def _checked(text: str | bytes) -> Show:
    def show(desk: Desk) -> Said:
        desk.write("config.yaml", text)
        return desk.run("check")

    return show


_WRONG: tuple[tuple[str, str | bytes], ...] = (
    ("a key that does not exist", "mqtt:\n  hst: 192.168.1.2\n"),
    ("a section that does not exist", "camera:\n  door: {source: test}\n"),
    ("text in place of a number", "cameras:\n  door: {frames_per_second: fast}\n"),
    ("not a number", "cameras:\n  door: {frames_per_second: .nan}\n"),
    ("a number below what is allowed", "cameras:\n  door: {stale_seconds: -1}\n"),
    ("a word that is none of the choices", "cameras:\n  door: {fit: crp}\n"),
    ("a size of three", "cameras:\n  door: {size: [640, 480, 3]}\n"),
    ("a region that leaves the frame", "cameras:\n  door: {region: [0.5, 0, 0.6, 1]}\n"),
    ("a threshold of 0", 'events:\n  thresholds: {"*": 0}\n'),
    ("a threshold of 1.5", "events:\n  thresholds: {cat: 1.5}\n"),
    ("a threshold in percent", "events:\n  thresholds: {cat: 60}\n"),
    ("a threshold without a number", "events:\n  thresholds: {cat: }\n"),
    ("a camera's id with a space", "cameras:\n  front door: {}\n"),
    ("a camera's id with a slash", "cameras:\n  front/door: {}\n"),
    ("a camera's id with a plus", "cameras:\n  door+: {}\n"),
    ("no camera", "cameras: {}\n"),
    ("a port that there cannot be", "mqtt: {port: 99999}\n"),
    ("a wildcard in the topic", "mqtt: {base_topic: home/#}\n"),
    ("the password in the file", "mqtt:\n  password: not shown\n"),
    ("a password file that is not there", "mqtt: {username: porch, password_file: mqtt-password.txt}\n"),
    ("a certificate without its key", "mqtt:\n  tls: {enabled: true, certificate: door.pem}\n"),
    ("an authority's certificate that is not there", "mqtt:\n  tls: {enabled: true, ca: ca.pem}\n"),
    ("a label that the model does not have", "events:\n  thresholds: {catt: 0.5}\n"),
    ("a group of a label that does not exist", "events:\n  groups: {pets: [cat, dgo]}\n"),
    ("a preset that does not exist", "events: {groups: hom}\n"),
    ("a tab in place of spaces", "mqtt:\n\thost: 192.168.1.2\n"),
    ("a line that is indented wrongly", "mqtt:\n  host: a\n port: 1883\n"),
    ("a key twice", "node: porch\nmqtt: {}\nnode: door\n"),
    ("a quote that is not closed", 'node: "porch\n'),
    ("a `:` too many", "node: the: porch\n"),
    ("a label that begins with *, without quotes", "events:\n  thresholds: {*: 0.5}\n"),
    ("a list in place of sections", "- cameras\n"),
    ("not YAML", "<html>\n<body>: </p>\n"),
    ("a picture in place of the file", b"\x89PNG\r\n\x1a\n\x00\x00"),
    ("another encoding", "node: t\xfcr\n".encode("latin-1")),
    ("more than 1 MB", b"#" * 1_000_001),
    ("several at once", 'cameras:\n  door: {sorce: test}\nevents:\n  thresholds: {"*": 2}\nmqtt: {host: 5}\n'),
)
for _wrong, _text in _WRONG:
    CONFIGURATION.add(_wrong, _checked(_text))


_FRAGMENTS: tuple[tuple[str, str | bytes], ...] = (
    ("a mistake in a fragment", "mqtt:\n  hst: 192.168.1.2\n"),
    ("a fragment that is empty", ""),
    ("a fragment in another encoding", "node: t\xfcr\n".encode("latin-1")),
    ("a list in a fragment", "- cameras\n"),
    ("a label that two files name in two ways", "events:\n  thresholds: {0: 0.5}\n"),
)


def _with_fragment(content: str | bytes, name: str = "10-site.yaml") -> Show:
    def show(desk: Desk) -> Said:
        desk.write("config.yaml", "events: {thresholds: {cat: 0.5}}\n")
        desk.write(f"config.d/{name}", content)
        return desk.run("check")

    return show


for _wrong, _text in _FRAGMENTS:
    CONFIGURATION.add(_wrong, _with_fragment(_text))


@CONFIGURATION.case("a fragment that does not end in .yaml, a warning")
def _yml(desk: Desk) -> Said:
    return _with_fragment("mqtt: {}\n", "10-site.yml")(desk).only("warning")


@CONFIGURATION.case("a file that is not there")
def _missing(desk: Desk) -> Said:
    return desk.run("check", "-c", "porch.yaml")


@CONFIGURATION.case("a folder in place of the file")
def _folder(desk: Desk) -> Said:
    return desk.run("check", "-c", ".")


@CONFIGURATION.case("a label in `ignore` that the model does not have, a warning")
def _ignored(desk: Desk) -> Said:
    return _checked("events:\n  ignore: [catt]\n")(desk).only("warning")


@CONFIGURATION.case("a password file that everybody can read, a warning")
def _readable(desk: Desk) -> Said:
    desk.write("mqtt-password.txt", "secret\n").chmod(0o644)
    desk.configure(mqtt={"username": "porch", "password_file": "mqtt-password.txt"})
    return desk.run("check").only("warning")


@CONFIGURATION.case("an option that does not exist")
def _option(desk: Desk) -> Said:
    return desk.run("check", "--sceme")


@CONFIGURATION.case("a command that does not exist")
def _command(desk: Desk) -> Said:
    return desk.run("chek")
