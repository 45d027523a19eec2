"""Checks of options that a user may get wrong."""

import math
import operator

from distributed_ib.errors import UserError


def whole_number(name: str, value: object, minimum: int, maximum: int | None = None) -> int:
    """`value` as a plain `int`; accepts NumPy integers too.

    Raises:
        UserError: If `value` is not a whole number, or outside `minimum` .. `maximum`.

    Example:
        >>> whole_number("n_seeds", 0, 1)
        Traceback (most recent call last):
            ...
        distributed_ib.errors.UserError: n_seeds must be at least 1, got 0.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise UserError(f"{name} must be a whole number, got {value!r}.") from None
    if number < minimum:
        raise UserError(f"{name} must be at least {minimum}, got {number}.")
    if maximum is not None and number > maximum:
        raise UserError(f"{name} must be at most {maximum}, got {number}.")
    return number


def positive_number(name: str, value: float) -> float:
    """`value` as a plain `float`.

    Raises:
        UserError: If `value` is not a number, not positive, or not finite.

    Example:
        >>> positive_number("learning_rate", 0)
        Traceback (most recent call last):
            ...
        distributed_ib.errors.UserError: learning_rate must be a positive number, got 0.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise UserError(f"{name} must be a positive number, got {value!r}.")
    return number
