"""No private name of scikit-learn is used, as these may change in any release."""

import ast
from pathlib import Path

import distributed_ib


def private_names(source: str) -> list[str]:
    """Names of scikit-learn in a module that begin with an underscore."""
    tree = ast.parse(source)
    found, modules = [], set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sklearn":
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
            modules |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            paths = [a.name for a in node.names if a.name.split(".")[0] == "sklearn"]
            modules |= {alias.asname or "sklearn" for alias in node.names if alias.name in paths}
        else:
            continue
        found += [path for path in paths if any(part[0] == "_" for part in path.split("."))]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr[0] == "_" and node.attr[:2] != "__":
            root: ast.expr = node
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in modules:
                found.append(ast.unparse(node))
    return found


def test_no_module_takes_a_private_name_of_scikit_learn() -> None:
    root = Path(distributed_ib.__file__).parent
    found = {str(path): private_names(path.read_text("utf-8")) for path in root.rglob("*.py")}
    assert len(found) > 100
    assert {name: names for name, names in found.items() if names} == {}


def test_private_names_are_seen_in_every_form() -> None:
    for source in (
        "from sklearn.utils.validation import _check_y",
        "from sklearn.linear_model._base import LinearModel",
        "import sklearn.utils._tags",
        "import sklearn.utils\nsklearn.utils._safe_indexing(x)",
        "from sklearn.utils import validation as v\nv._check_y(y)",
    ):
        assert len(private_names(source)) == 1
    for source in (
        "from sklearn.utils import check_array\nself._check_y(y)",
        "from sklearn.base import BaseEstimator\nBaseEstimator.__sklearn_tags__",
        "from other import _private",
    ):
        assert private_names(source) == []
