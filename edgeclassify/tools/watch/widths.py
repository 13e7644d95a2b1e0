"""Text in the cells of a terminal: 标签 is two characters and four cells wide."""

from __future__ import annotations


def cells(text: str) -> int:
    """Return how many cells `text` takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fitted(text: str, width: int, *, cut: str = "…") -> str:
    """Return `text` in exactly `width` cells: padded, or cut with a mark at its end."""
    missing = width - cells(text)
    if missing >= 0:
        return text + " " * missing
    if width <= 0:
        return ""
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1) + cut


def fitted_to_end(text: str, width: int, *, cut: str = "…") -> str:
    """Return `text` in exactly `width` cells, cut at its beginning: of `node/camera` the end tells more."""
    if cells(text) > width > 0:
        while cells(text) > width - 1:
            text = text[1:]
        text = cut + text
    return fitted(text, width, cut=cut)
