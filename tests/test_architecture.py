"""The layout of the package is as docs/architecture.md has it; modules stay short."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")


def _layers() -> dict[str, set[str]]:
    """The page's table, from the top: each part may import what stands below it, and its neighbours but for stages."""
    table = PAGE.split("| layer | parts |\n|---|---|\n")[1].split("\n\n")[0]
    rows = [row.strip("|").split("|") for row in table.splitlines()]
    return {name.strip(): set(re.findall("`(.*?)`", parts)) for name, parts in rows}


LAYERS = list(_layers().values())
STAGES = _layers()["stages"]
HARDWARE = {"picamera2", "libcamera", "ai_edge_litert", "tflite_runtime", "pycoral"}
MAX_LINES = 250


@dataclass(frozen=True)
class Import:
    importer: str
    imported: str
    line: int
    at_top: bool
    """Carried out when the module is imported."""

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def _modules() -> dict[str, Path]:
    found = {}
    for path in (ROOT / "edgeclassify").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imports(module: str, tree: ast.AST, *, at_top: bool = True) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno, at_top)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: imports are absolute here"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield Import(module, name if name in MODULES else str(node.module), node.lineno, at_top)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield Import(module, ast.unparse(node.args[0]).strip("'"), node.lineno, at_top=False)
        later = isinstance(node, ast.FunctionDef) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node))
        yield from _imports(module, node, at_top=at_top and not later)


MODULES = _modules()
IMPORTS = [found for name, path in MODULES.items() for found in _imports(name, ast.parse(path.read_text("utf-8")))]
OURS = [found for found in IMPORTS if found.imported.startswith("edgeclassify.")]


def _part(module: str) -> str:
    return module.split(".")[1]


def _layer(module: str) -> int:
    return next(number for number, parts in enumerate(LAYERS) if _part(module) in parts)


def test_every_part_has_its_layer() -> None:
    parts = {_part(module) for module in MODULES if module != "edgeclassify"}
    assert parts == set().union(*LAYERS)
    assert len(parts) == sum(map(len, LAYERS)), "a part has two layers"


def test_what_the_page_names_exists() -> None:
    named = set(re.findall(r"(?<![\w./])[\w/]+\.py\b|\b[a-z_]+/(?=[\s\"`])", PAGE))
    assert len(named) > 20
    assert [name for name in named if not (ROOT / "edgeclassify" / name).exists() and not (ROOT / name).exists()] == []


def test_the_threads_of_the_page_are_started_where_it_says() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| `([\w/]+\.py)` \|", PAGE, re.MULTILINE)
    assert len(rows) == 7
    for thread, module in rows:
        assert f'"{thread.removesuffix("NAME")}' in (ROOT / "edgeclassify" / module).read_text("utf-8"), thread


def test_imports_point_down() -> None:
    upwards = [str(found) for found in OURS if _layer(found.importer) > _layer(found.imported)]
    assert upwards == []


def test_stages_never_import_each_other() -> None:
    across = [
        str(found)
        for found in OURS
        if {_part(found.importer), _part(found.imported)} <= STAGES and _part(found.importer) != _part(found.imported)
    ]
    assert across == []


def test_there_are_no_import_cycles() -> None:
    graph: dict[str, set[str]] = {}
    for found in OURS:
        graph.setdefault(found.importer, set()).add(found.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None


def test_each_hardware_library_is_imported_in_one_module_and_late() -> None:
    for library in HARDWARE:
        found = [one for one in IMPORTS if one.imported.split(".")[0] == library]
        assert len({one.importer for one in found}) <= 1, [str(one) for one in found]
        assert [str(one) for one in found if one.at_top] == []


def test_the_terminals_libraries_stay_in_the_commands() -> None:
    click = [str(one) for one in IMPORTS if one.imported.split(".")[0] == "click" and _part(one.importer) != "cli"]
    rich = [str(one) for one in IMPORTS if one.imported.split(".")[0] == "rich" and one.at_top]
    assert (click, rich) == ([], [])


def test_modules_stay_short() -> None:
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}
