"""Package structure: imports go one way, without cycles, and file names are unique."""

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "distributed_ib"
# From the bottom up: a room imports only from itself and from the rooms before it.
ROOMS = (
    "data",
    "model",
    "training",
    "information",
    "readable",
    "scheme",
    "optimum",
    "evidence",
    "plots",
    "report",
    "estimators",
    "study",
    "studies",
    "cli",
)


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in SOURCE.rglob("*.py")}


def imports(path: Path) -> set[str]:
    """Modules of the package that a file imports when it is loaded."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only or id(node) in inside:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("distributed_ib"):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in FILES else str(node.module) for name in names}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.startswith("distributed_ib")}
    return found


GRAPH = {name: imports(path) for name, path in FILES.items()}


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else ""


def test_a_room_imports_only_what_stands_below_it() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, others in GRAPH.items()
        for other in others
        if room(module) != room(other)
        and room(other)
        and (not room(module) or ROOMS.index(room(other)) > ROOMS.index(room(module)))
        and module != "distributed_ib"
    ]
    assert not wrong, "\n".join(sorted(wrong))


def test_imports_run_in_no_circle() -> None:
    try:
        list(TopologicalSorter(GRAPH).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_two_files_share_a_name() -> None:
    counts = Counter(path.name for path in FILES.values() if path.name != "__init__.py")
    assert [name for name, count in counts.items() if count > 1] == []


def test_no_file_outgrows_a_room() -> None:
    longest = {name: len(path.read_text().splitlines()) for name, path in FILES.items()}
    assert {name: n for name, n in longest.items() if n > 450} == {}


def test_the_library_knows_no_study() -> None:
    assert not [
        f"{module} imports {other}"
        for module, others in GRAPH.items()
        for other in others
        if room(other) == "studies" and room(module) not in ("studies", "cli")
    ]
