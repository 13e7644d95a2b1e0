"""Getting models from servers and mirrors that are bad."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.catalogue.conftest import model_bytes, sha256
from tests.catalogue.server import Page, Server, serving
from tests.disks import small_disk
from tests.errors.case import Group, Show
from tests.errors.desk import Desk, Said

PULLING = Group(
    "Getting models",
    "`edgeclassify models pull`; nothing is used that was not verified, and what was there stays.",
)
_MODEL = model_bytes()
_GOOD = "mobilenet_v2_1.0_224_quant"
_ADDRESS = "/birds.tflite"


@contextlib.contextmanager
def _server(desk: Desk, page: Page) -> Iterator[Server]:
    with serving() as server:
        desk.call_port(server.server_address[1], 8000)
        server.pages[_ADDRESS] = page
        yield server


def _pulled(page: Page, digest: str = sha256(_MODEL)) -> Show:
    def show(desk: Desk) -> Said:
        with _server(desk, page) as server:
            return desk.run("models", "pull", server.address(_ADDRESS), "--sha256", digest).only("edgeclassify: ")

    return show


def _asked(*arguments: str) -> Show:
    return lambda desk: desk.run("models", "pull", *arguments)


PULLING.add("a name that the catalogue does not have", _asked("mobilenet_v2"))
PULLING.add("a path in place of a name", _asked("../evil"))
PULLING.add("404", _pulled(Page(status=404)))
PULLING.add("a server that has an error", _pulled(Page(status=501)))
PULLING.add("another file: the checksum is wrong", _pulled(Page(_MODEL), digest="0" * 64))
PULLING.add("no checksum", lambda desk: _without_checksum(desk))
PULLING.add("a checksum that is none", _pulled(Page(_MODEL), digest="abc"))
PULLING.add(
    "a page of HTML in place of a model", _pulled(Page(b"<html>Please log in</html>", content_type="text/html"))
)
PULLING.add("redirections in a circle", _pulled(Page(redirect=_ADDRESS)))
PULLING.add("a name that leads elsewhere", lambda desk: _named_elsewhere(desk))


def _without_checksum(desk: Desk) -> Said:
    with _server(desk, Page(_MODEL)) as server:
        return desk.run("models", "pull", server.address(_ADDRESS)).only("edgeclassify: ")


def _named_elsewhere(desk: Desk) -> Said:
    with _server(desk, Page(_MODEL)) as server:
        return desk.run("models", "pull", server.address(_ADDRESS), "--sha256", sha256(_MODEL), "--name", "../evil")


@PULLING.case("a mirror without the file")
def _mirror(desk: Desk) -> Said:
    (desk.folder / "usb").mkdir()
    return desk.run("models", "pull", _GOOD, "--mirror", "usb")


@PULLING.case("a mirror without the Edge TPU's twin")
def _mirror_without_twin(desk: Desk) -> Said:
    return desk.run("models", "pull", _GOOD, "--mirror", desk.shared / "models").only("edgeclassify: ")


@PULLING.case("a mirror with something else of that name")
def _other_mirror(desk: Desk) -> Said:
    desk.write(f"usb/{_GOOD}.tflite", _MODEL)
    desk.write("usb/imagenet_labels.txt", (desk.shared / "models/imagenet_labels.txt").read_bytes())
    return desk.run("models", "pull", _GOOD, "--no-edgetpu", "--mirror", "usb").only("edgeclassify: ")


@PULLING.case("a disk that is too small")
def _small_disk(desk: Desk) -> Said:
    big = model_bytes(9_000_000)
    with small_disk(desk.folder / "disk") as disk, _server(desk, Page(big)) as server:
        address, models = server.address(_ADDRESS), str(disk / "models")
        said = desk.run("models", "pull", address, "--sha256", sha256(big), EDGECLASSIFY_MODELS=models)
        return said.only("edgeclassify: ")


@PULLING.case("a disk that fills up meanwhile")
def _full_disk(desk: Desk) -> Said:
    big = model_bytes(9_000_000)
    with small_disk(desk.folder / "disk") as disk, _server(desk, Page(big, claimed_bytes=0)) as server:
        address, models = server.address(_ADDRESS), str(disk / "models")
        said = desk.run("models", "pull", address, "--sha256", sha256(big), EDGECLASSIFY_MODELS=models)
        return said.only("edgeclassify: ")


@PULLING.case("a file in place of the folder")
def _no_folder(desk: Desk) -> Said:
    desk.write("models", "a letter")
    return desk.run(
        "models", "pull", _GOOD, "--mirror", desk.shared / "models", EDGECLASSIFY_MODELS=str(desk.folder / "models")
    )


@PULLING.case("`models verify`, and a label file was changed")
def _changed(desk: Desk) -> Said:
    models = desk.folder / "models"
    mirror = ("--no-edgetpu", "--mirror", desk.shared / "models")
    desk.run("models", "pull", _GOOD, *mirror, EDGECLASSIFY_MODELS=str(models))
    (models / f"{_GOOD}.txt").write_text("background\n")
    return desk.run("models", "verify", EDGECLASSIFY_MODELS=str(models)).only("wrong", "edgeclassify: ")
