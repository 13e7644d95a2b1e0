"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def table(lines: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Return lines with columns of equal width; those whose number is in `right` end at the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        [f"{cell:>{width}}" if number in right else f"{cell:{width}}" for number, (cell, width) in enumerate(pairs)]
        for pairs in (zip(line, widths, strict=True) for line in lines)
    )
    return ["  ".join(line).rstrip() for line in padded]
