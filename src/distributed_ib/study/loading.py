"""Loading of studies from a user's Python file or from an installed package."""

import importlib.util
import sys
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from distributed_ib.errors import UserError
from distributed_ib.study.study import Study, check_study_class

GROUP = "distributed_ib.studies"
"""The entry point group under which packages register their studies."""

FILE_MODULE = "_study_file_"
"""Prefix of the names of modules that are loaded from a user's file."""


def installed_studies() -> dict[str, Any]:
    """The entry points of all registered studies, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def find_study(name: str) -> type[Study]:
    """The class of a registered study.

    Raises:
        UserError: If no installed package registers it or it can't be loaded.
    """
    known = installed_studies()
    if name not in known:
        raise UserError(
            f"there is no installed study {name!r}; the installed studies are "
            f"{', '.join(sorted(known))}. For a study in a file, give the file, such as "
            "my_study.py."
        )
    try:
        found = known[name].load()
    except Exception as error:  # another package may raise anything
        raise UserError(f"the study {name!r} can't be loaded: {error}.") from error
    return _checked(found)


def study_in_file(
    path: Path, class_name: str | None = None, study_name: str | None = None
) -> type[Study]:
    """The study that a Python file defines. The file is executed.

    Args:
        path: The file.
        class_name: Class of the study, if the file defines several.
        study_name: `Study.name` of the study, as recorded in a run; another way to choose it.

    Raises:
        UserError: If there is no such file, it fails, or it does not define exactly one study.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path}.")
    module = _executed(path)
    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Study)
        and value.__module__ == module.__name__
    }
    if class_name is not None:
        if class_name not in found:
            raise UserError(f"{path} defines no study {class_name}; its studies: {_names(found)}.")
        return _checked(found[class_name])
    if len(found) > 1 and study_name is not None:
        named = {k: cls for k, cls in found.items() if getattr(cls, "name", None) == study_name}
        found = named or found
    if len(found) != 1:
        what = (
            "no study: write a class that inherits from Study" if not found else "several studies"
        )
        choose = "" if not found else f" ({_names(found)}); choose one with {path}:NAME"
        raise UserError(f"{path} defines {what}{choose}.")
    return _checked(next(iter(found.values())))


def study_at(target: str | Path, study_name: str | None = None) -> tuple[type[Study], Path]:
    """The study given as FILE.py or FILE.py:CLASS, and its file, which is executed.

    Args:
        target: The text that the user gave.
        study_name: See `study_in_file`.

    Raises:
        UserError: As for `study_in_file`.
    """
    file, _, class_name = str(target).partition(":")
    return study_in_file(Path(file), class_name or None, study_name), Path(file)


def named_study(target: str, folder: Path | None = None) -> tuple[type[Study], Path | None]:
    """The study given as FILE.py, FILE.py:CLASS or an installed name, and its file if any.

    Args:
        target: The text that the user gave.
        folder: Folder of the file; by default the current one.

    Raises:
        UserError: As for `find_study` and `study_in_file`.
    """
    if target.partition(":")[0].endswith(".py"):
        return study_at((folder or Path()) / target)
    return find_study(target), None


def place_of(error: BaseException, path: Path) -> str:
    """Location of an error in a user's file, with its message, in one line."""
    lines = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename) == path.resolve()
    ]
    if isinstance(error, SyntaxError):
        return f"{path}, line {error.lineno}: {error.msg}"
    message = " ".join(str(error).split()) or "no message"
    where = f"{path}, line {lines[-1].lineno}, in {lines[-1].name}" if lines else str(path)
    return f"{where}: {type(error).__name__}: {message}"


def _executed(path: Path) -> ModuleType:
    name = f"{FILE_MODULE}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file; its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module there
    try:
        spec.loader.exec_module(module)
    except UserError:
        raise
    except Exception as error:  # a user's file may raise anything
        raise UserError(f"{place_of(error, path)}.") from error
    return module


def _checked(found: Any) -> type[Study]:
    if not (isinstance(found, type) and issubclass(found, Study)):
        raise UserError(f"{found!r} is not a study: it does not inherit from Study.")
    check_study_class(found)
    return found


def _names(found: dict[str, type[Study]]) -> str:
    return ", ".join(sorted(found)) or "none"
