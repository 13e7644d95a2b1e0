"""Draws what the first virtual camera shows: red and green over blue and white."""

import sys

from PIL import Image

picture = Image.new("RGB", (640, 480))
for box, colour in {
    (0, 0, 320, 240): (200, 40, 40),
    (320, 0, 640, 240): (40, 180, 40),
    (0, 240, 320, 480): (40, 40, 200),
    (320, 240, 640, 480): (220, 220, 220),
}.items():
    picture.paste(colour, box)
picture.save(sys.argv[1], quality=95, subsampling=0)
