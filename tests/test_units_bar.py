"""The progress bar over many units."""

import io

from rich.console import Console

from distributed_ib._units_bar import UnitsBar


def shown(*, is_terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=is_terminal, width=80)
    with UnitsBar("patterns", console=console) as bar:
        bar(3, 14)
        bar(14, 14)
    return file.getvalue()


def test_a_terminal_shows_finished_units_of_all() -> None:
    assert "14/14 parts" in shown(is_terminal=True) and "left" in shown(is_terminal=True)


def test_a_file_gets_nothing() -> None:
    assert shown(is_terminal=False) == ""


def test_a_bar_that_is_never_told_anything_draws_nothing() -> None:
    file = io.StringIO()
    with UnitsBar("patterns", console=Console(file=file, force_terminal=True)):
        pass
    assert file.getvalue() == ""
