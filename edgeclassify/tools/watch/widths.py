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
