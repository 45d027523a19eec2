"""Errors of estimators in the words of the command line."""

from pathlib import Path

_OPTIONS = {
    "times and groups both": "--time and --group both",
    "n_starts=": "--starts ",
    "n_resamples=": "--resamples ",
    "n_starts ": "--starts ",
    "n_resamples ": "--resamples ",
    "direction=": "--direction ",
    "beta_start=": "--beta-start ",
    "beta_end=": "--beta-end ",
}


def as_options(message: str, validation: Path | None) -> str:
    """A message with the options of `dib fit` in place of parameters.

    >>> as_options("validation_data: column 'a' is empty.", Path("new.csv"))
    "--validation, new.csv: column 'a' is empty."
    """
    message = message.replace("validation_data: ", f"--validation, {validation}: ", 1)
    for parameter, option in _OPTIONS.items():
        message = message.replace(parameter, option)
    return message
