"""Just enough of the FlatBuffers format to read metadata out of a .tflite file; no runtime brings a reader for it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass


class FlatbufferError(ValueError):
    """The bytes are not what they say they are."""


@dataclass(frozen=True)
class Table:
    """One table in `data`; fields are numbered as in its schema, an absent one is None or empty."""

    data: bytes
    position: int

    @classmethod
    def root(cls, data: bytes) -> Table:
        """Return the table that a buffer starts with."""
        return cls(data, _number(data, "<I", 0))

    def number(self, field: int, form: str) -> int:
        """Return a scalar in `struct` notation; its default, 0, when absent."""
        position = self._field(field)
        return 0 if position is None else _number(self.data, form, position)

    def table(self, field: int) -> Table | None:
        """Return a table inside this one."""
        position = self._field(field)
        return None if position is None else Table(self.data, self._target(position))

    def tables(self, field: int) -> Iterator[Table]:
        """Yield the tables of a vector."""
        start, length = self.vector(field, 4)
        for position in range(start, start + 4 * length, 4):
            yield Table(self.data, self._target(position))

    def raw(self, field: int) -> bytes:
        """Return a vector of bytes, or a string."""
        start, length = self.vector(field, 1)
        return self.data[start : start + length]

    def floats(self, field: int) -> tuple[float, ...]:
        """Return a vector of 32-bit floats."""
        start, length = self.vector(field, 4)
        return struct.unpack_from(f"<{length}f", self.data, start)

    def vector(self, field: int, item_bytes: int) -> tuple[int, int]:
        """Return where the items of a vector begin in `data`, and how many there are; its length stands before them."""
        position = self._field(field)
        if position is None:
            return 0, 0
        target = self._target(position)
        length = _number(self.data, "<I", target)
        if target + 4 + length * item_bytes > len(self.data):
            raise FlatbufferError(f"a vector of {length} at {target} reaches beyond the end")
        return target + 4, length

    def _field(self, field: int) -> int | None:
        vtable = self.position - _number(self.data, "<i", self.position)
        slot = 4 + 2 * field
        if slot >= _number(self.data, "<H", vtable):
            return None
        offset = _number(self.data, "<H", vtable + slot)
        return self.position + offset if offset else None

    def _target(self, position: int) -> int:
        return position + _number(self.data, "<I", position)


def _number(data: bytes, form: str, position: int) -> int:
    if position < 0:  # struct would count from the end
        raise FlatbufferError(f"an offset points to {position}")
    try:
        number: int = struct.unpack_from(form, data, position)[0]
    except struct.error as error:
        raise FlatbufferError(f"an offset points to {position}, beyond the end") from error
    return number
