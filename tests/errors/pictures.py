"""Pictures and tables of pictures that cannot be used."""

from __future__ import annotations

import io

from PIL import Image

from tests.errors.case import Group, Show
from tests.errors.desk import Desk, Said

PICTURES = Group("Pictures", "`edgeclassify classify`; the other pictures are classified all the same.")
TABLES = Group("Labelled pictures", "`edgeclassify evaluate`, a folder for each label or a CSV.")


def _picture(side: int = 64) -> bytes:
    packed = io.BytesIO()
    Image.effect_noise((side, side), 50).save(packed, "PNG")
    return packed.getvalue()


def _classified(name: str, content: bytes | None) -> Show:
    def show(desk: Desk) -> Said:
        if content is not None:
            desk.write(name, content)
        return desk.run("classify", name)

    return show


PICTURES.add("a file that is not there", _classified("photo.jpg", None))
PICTURES.add("zero bytes", _classified("photo.jpg", b""))
PICTURES.add("half a picture", _classified("photo.png", _picture()[:900]))
PICTURES.add("not a picture", _classified("photo.jpg", b"%PDF-1.7 a letter"))
PICTURES.add("a device", _classified("/dev/zero", None))
PICTURES.add(
    "a bomb: a few bytes that say they are 60000 x 60000 pixels",
    _classified(
        "photo.bmp", b"BM" + bytes(8) + b"\x36\0\0\0\x28\0\0\0" + b"\x60\xea\0\0" * 2 + b"\1\0\x18\0" + bytes(24)
    ),
)


@PICTURES.case("a folder without pictures")
def _empty(desk: Desk) -> Said:
    (desk.folder / "photos").mkdir()
    return desk.run("classify", "photos")


@PICTURES.case("no picture named")
def _nothing(desk: Desk) -> Said:
    return desk.run("classify")


@PICTURES.case("`--top 0`")
def _top(desk: Desk) -> Said:
    return desk.run("classify", "photo.jpg", "--top", "0")


def _table(content: str | bytes) -> Show:
    def show(desk: Desk) -> Said:
        desk.write("a.png", _picture())
        desk.write("pictures.csv", content)
        return desk.run("evaluate", "pictures.csv", "--json")

    return show


@TABLES.case("a folder that is not there")
def _nowhere(desk: Desk) -> Said:
    return desk.run("evaluate", "photos")


@TABLES.case("an empty folder")
def _empty_folder(desk: Desk) -> Said:
    (desk.folder / "photos").mkdir()
    return desk.run("evaluate", "photos")


@TABLES.case("folders of labels that the model does not have")
def _unknown_folders(desk: Desk) -> Said:
    desk.write("photos/unicorn/a.png", _picture())
    return desk.run("evaluate", "photos")


TABLES.add("an empty CSV", _table(""))
TABLES.add("a CSV of one column", _table("a.png\n"))
TABLES.add("a CSV in another encoding", _table("a.png,K\xe4fer\n".encode("latin-1")))
TABLES.add("a CSV with a quote that is not closed", _table('a.png,"cat\n'))
TABLES.add("a label that the model does not have", _table("file,label\na.png,unicorn\n"))
TABLES.add("a file that is not there", _table("file;label\na.png;cat\nb.png;cat\n"))
TABLES.add("the same file with two labels", _table("file,label\na.png,cat\na.png,dog\n"))


@TABLES.case("a plot that cannot be saved")
def _plot(desk: Desk) -> Said:
    desk.write("photos/cat/a.png", _picture())
    return desk.run("evaluate", "photos", "--plot", "nowhere/plot.png")
