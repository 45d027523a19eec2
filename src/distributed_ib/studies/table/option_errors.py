"""Errors and advice of estimators, with parameters replaced by command-line options."""

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
    "smaller beta_start": "smaller --beta-start",
    "larger beta_end": "larger --beta-end",
    "more n_steps": "more --steps",
    "n_records ": "--records ",
    # Pretraining steps are half of the steps.
    "more n_pretraining_steps, such as three times as many": "more --steps",
}


def as_options(message: str, validation: Path | None) -> str:
    """A message in which parameters are replaced by the options of `dib fit`.

    >>> as_options("Give more n_steps, or beta_end=3.", None)
    'Give more --steps, or --beta-end 3.'
    >>> as_options("validation_data: column 'a' is empty.", Path("new.csv"))
    "--validation, new.csv: column 'a' is empty."
    """
    message = message.replace("validation_data: ", f"--validation, {validation}: ", 1)
    for parameter, option in _OPTIONS.items():
        message = message.replace(parameter, option)
    return message
