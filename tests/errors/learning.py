"""Pictures that nothing can be learned from, and learned models that lost their backbone."""

from __future__ import annotations

from tests.errors.case import Group
from tests.errors.desk import Desk, Said
from tests.learned import write_backbone, write_class

LEARNING = Group("Learning", "`edgeclassify learn`")
_NAME = ("--name", "porch", "--backbone", "colours.tflite")


def _classes(desk: Desk, **counts: int) -> None:
    write_backbone(desk.folder)
    for name, count in counts.items():
        write_class(desk.folder / "pictures", name, count)


@LEARNING.case("a folder that is not there")
def _nowhere(desk: Desk) -> Said:
    return desk.run("learn", "pictures")


@LEARNING.case("one class only")
def _one_class(desk: Desk) -> Said:
    _classes(desk, red=8)
    return desk.run("learn", "pictures", *_NAME).only("edgeclassify: ")


@LEARNING.case("empty folders")
def _empty(desk: Desk) -> Said:
    for name in ("red", "green"):
        (desk.folder / "pictures" / name).mkdir(parents=True)
    return desk.run("learn", "pictures")


@LEARNING.case("one picture in a class")
def _one_picture(desk: Desk) -> Said:
    _classes(desk, red=8, green=1)
    return desk.run("learn", "pictures", *_NAME).only("green")


@LEARNING.case("a file that is no picture among them")
def _unreadable(desk: Desk) -> Said:
    _classes(desk, red=8, green=8)
    desk.write("pictures/red/broken.jpg", b"\xff\xd8\xff\xe0 broken")
    return desk.run("learn", "pictures", *_NAME).only("edgeclassify: ")


@LEARNING.case("the same picture in two classes")
def _both(desk: Desk) -> Said:
    _classes(desk, red=8, green=8)
    desk.write("pictures/red/same.png", (desk.folder / "pictures/green/0.png").read_bytes())
    return desk.run("learn", "pictures", *_NAME).only("edgeclassify: ")


@LEARNING.case("class names that differ in capitals only")
def _capitals(desk: Desk) -> Said:
    _classes(desk, cat=8, Cat=8)
    return desk.run("learn", "pictures", *_NAME)


@LEARNING.case("a name that another model has")
def _taken(desk: Desk) -> Said:
    _classes(desk, red=8, green=8)
    return desk.run("learn", "pictures", "--name", "starter")


@LEARNING.case("a backbone that is not here")
def _no_backbone(desk: Desk) -> Said:
    _classes(desk, red=8, green=8)
    backbone = "mobilenet_v1_1.0_224_quant_embedding_extractor"
    return desk.run("learn", "pictures", "--name", "porch", "--backbone", backbone)


@LEARNING.case("a class is added, and nothing was learned before")
def _nothing_learned(desk: Desk) -> Said:
    _classes(desk, red=8)
    return desk.run("learn", "add", "red", "pictures/red/0.png")


@LEARNING.case("a class is removed that there is not")
def _no_such_class(desk: Desk) -> Said:
    _classes(desk, red=8, green=8, blue=8)
    desk.run("learn", "pictures", *_NAME)
    return desk.run("learn", "remove", "yellow")


@LEARNING.case("a worse model than the one it would replace")
def _worse(desk: Desk) -> Said:
    _classes(desk, red=14, green=14)
    desk.run("learn", "pictures", *_NAME)
    for name, other in (("red", "green"), ("green", "red")):
        wrong = write_class(desk.folder / "wrong" / name, other, 14, seed=5)
        for picture in wrong.iterdir():
            desk.write(f"pictures/{name}/wrong-{picture.name}", picture.read_bytes())
    return desk.run("learn", "pictures", *_NAME).only("edgeclassify: ")


@LEARNING.case("a model in the place of one that was tested with other pictures")
def _incomparable(desk: Desk) -> Said:
    _classes(desk, red=14, green=14)
    desk.run("learn", "pictures", *_NAME)
    for name in ("red", "green"):
        write_class(desk.folder / "others", name, 14, seed=5)
    return desk.run("learn", "others", *_NAME).only("edgeclassify: ")


@LEARNING.case("a learned model whose files are damaged (`edgeclassify check`)")
def _damaged(desk: Desk) -> Said:
    _classes(desk, red=8, green=8)
    desk.run("learn", "pictures", *_NAME)
    desk.write(".local/share/edgeclassify/models/porch/bundle.json", b"{")
    desk.configure(model={"name": "porch"})
    return desk.run("check")


@LEARNING.case("a learned model whose backbone is another now (`edgeclassify check`)")
def _changed_backbone(desk: Desk) -> Said:
    _classes(desk, red=8, green=8)
    desk.run("learn", "pictures", *_NAME)
    desk.write("colours.tflite", write_backbone(desk.folder).read_bytes() + b"changed")
    desk.configure(model={"name": "porch"})
    return desk.run("check")


@LEARNING.case("a learned model whose backbone is gone (`edgeclassify check`)")
def _lost_backbone(desk: Desk) -> Said:
    _classes(desk, red=8, green=8)
    desk.run("learn", "pictures", *_NAME)
    (desk.folder / "colours.tflite").unlink()
    desk.configure(model={"name": "porch"})
    return desk.run("check")


@LEARNING.case("`learn capture` of a camera that the configuration does not have")
def _no_camera(desk: Desk) -> Said:
    return desk.run("learn", "capture", "parcel", "--camera", "porch")


@LEARNING.case("`learn capture`, and nothing new is to be seen")
def _nothing_new(desk: Desk) -> Said:
    write_class(desk.folder / "seen", "red", 1)
    desk.configure(cameras={"porch": {"source": "seen/red", "picture_seconds": 0.1}})
    return desk.run("learn", "capture", "parcel", "--count", 5, "--patience", 1).only("edgeclassify: ")
