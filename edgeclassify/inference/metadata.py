"""TFLite metadata: what a model file says about itself beside its graph.

Labels are a zip archive behind the model; which file of it holds them, and how pixels are normalized, is told by a
flatbuffer inside the model (metadata_schema.fbs of the TFLite support library; its field numbers are here by name).
"""

from __future__ import annotations

import io
import logging
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from edgeclassify.errors import ModelError
from edgeclassify.inference.flatbuffer import FlatbufferError, Table

log = logging.getLogger(__name__)

_MAX_LABEL_BYTES = 10_000_000

# Model
_BUFFERS, _METADATA = 4, 6
# Metadata
_NAME, _BUFFER = 0, 1
# Buffer
_DATA = 0
# ModelMetadata
_ABOUT = {"name": 0, "description": 1, "version": 2, "author": 4, "license": 5}
# ModelMetadata, SubGraphMetadata, TensorMetadata
_SUBGRAPHS, _INPUT_TENSORS, _OUTPUT_TENSORS, _PROCESS_UNITS, _ASSOCIATED_FILES = 3, 2, 3, 4, 6
# ProcessUnit
_OPTIONS_TYPE, _OPTIONS, _NORMALIZATION_OPTIONS = 0, 1, 1
# NormalizationOptions
_MEAN, _STD = 0, 1
# AssociatedFile; labels of an axis or of values are its types 2 and 3
_FILE_NAME, _FILE_TYPE, _LOCALE = 0, 2, 3
_LABEL_TYPES = (2, 3)


@dataclass(frozen=True)
class Normalization:
    """A model was trained on `(pixel - mean) / std`, with one value for all channels or one for each."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def plausible(self) -> bool:
        """Whether pixels can be normalized so."""
        counts = {len(self.mean), len(self.std)}
        return counts <= {1, 3} and all(abs(m) < 1e6 for m in self.mean) and all(0 < s < 1e6 for s in self.std)


def packed_labels(content: bytes, where: str) -> tuple[str, bytes] | None:
    """Return name and content of the label file inside a model; None when it has none.

    Raises:
        ModelError: it is there and damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entry = _label_entry(archive, _named_label_files(content))
            if entry is None:
                return None
            if entry.file_size > _MAX_LABEL_BYTES:
                raise ModelError(f"{where}: the labels inside it are too large; set model.labels to a label file")
            return entry.filename, archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        if not zipfile.is_zipfile(io.BytesIO(content)):
            return None
        raise ModelError(
            f"{where}: the labels inside it are damaged ({error}); get the model again, or set model.labels"
        ) from error


def normalization(content: bytes, where: str) -> Normalization | None:
    """Return how the model's input is normalized, if its metadata says so."""
    try:
        packed = _packed_metadata(Table.root(content))
        return _first_normalization(Table.root(packed)) if packed else None
    except FlatbufferError as error:
        log.warning("model %s: its metadata is damaged and not used (%s)", where, error)
        return None


def about(content: bytes) -> dict[str, str]:
    """Return what the model's metadata says for people: name, description, version, author, license, if there."""
    try:
        packed = _packed_metadata(Table.root(content))
        said = {key: Table.root(packed).raw(field) if packed else b"" for key, field in _ABOUT.items()}
    except FlatbufferError:
        return {}  # said when the normalization is read
    return {key: text.decode(errors="replace").strip() for key, text in said.items() if text}


def _label_entry(archive: zipfile.ZipFile, named: Sequence[str]) -> zipfile.ZipInfo | None:
    """Return the file that the metadata names first; where it names none, the one whose own name says so."""
    texts = [
        entry for entry in archive.infolist() if entry.filename in named or entry.filename.lower().endswith(".txt")
    ]

    def preference(entry: zipfile.ZipInfo) -> tuple[int, bool]:
        rank = named.index(entry.filename) if entry.filename in named else len(named)
        return rank, "label" not in entry.filename.lower()

    return min(texts, key=preference, default=None)


def _named_label_files(content: bytes) -> list[str]:
    """Return the label files that the metadata names for the output, those for people to read first.

    A model may bring its labels twice: as codes ("/m/01bwb9"), of no language, and as words in English.
    """
    try:
        packed = _packed_metadata(Table.root(content))
        files = [
            (file.raw(_LOCALE).decode(errors="replace"), file.raw(_FILE_NAME).decode(errors="replace"))
            for subgraph in (Table.root(packed).tables(_SUBGRAPHS) if packed else ())
            for tensor in subgraph.tables(_OUTPUT_TENSORS)
            for file in tensor.tables(_ASSOCIATED_FILES)
            if file.number(_FILE_TYPE, "<b") in _LABEL_TYPES
        ]
    except FlatbufferError:
        return []  # said when the normalization is read
    files.sort(key=lambda file: (not file[0].startswith("en"), file[0] != ""))
    return [name for _, name in files]


def _packed_metadata(model: Table) -> bytes:
    for entry in model.tables(_METADATA):
        if entry.raw(_NAME) == b"TFLITE_METADATA":
            number = entry.number(_BUFFER, "<I")
            for position, buffer in enumerate(model.tables(_BUFFERS)):
                if position == number:
                    return buffer.raw(_DATA)
    return b""


def _first_normalization(metadata: Table) -> Normalization | None:
    for subgraph in metadata.tables(_SUBGRAPHS):
        for tensor in subgraph.tables(_INPUT_TENSORS):
            for unit in tensor.tables(_PROCESS_UNITS):
                options = unit.table(_OPTIONS)
                if options is None or unit.number(_OPTIONS_TYPE, "<B") != _NORMALIZATION_OPTIONS:
                    continue
                found = Normalization(options.floats(_MEAN), options.floats(_STD))
                if not found.plausible:
                    raise FlatbufferError(f"mean {found.mean} and std {found.std} make no sense")
                return found
    return None
