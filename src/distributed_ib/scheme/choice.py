"""The choice of an approximation of a scheme: by bottleneck strength, bits, or components."""

import math
from dataclasses import dataclass

from distributed_ib.errors import UserError


@dataclass(frozen=True)
class Choice:
    """One way to choose an approximation; if none is given, it is the one that predicts best.

    Attributes:
        beta: Choose the model with the nearest beta, on a logarithmic scale.
        bits: Choose the model that knows most about Y among those whose components convey at most
            this many bits in total.
        n_components: Choose the model that knows most about Y among those that use at most this
            many components.

    Raises:
        UserError: If more than one is given, or beta is not positive and finite.

    Example:
        >>> Choice(bits=3.0).is_given, Choice().is_given
        (True, False)
        >>> Choice(beta=0.1, bits=3.0)
        Traceback (most recent call last):
            ...
        distributed_ib.errors.UserError: choose an approximation by exactly one of beta, bits,
        n_components; got beta, bits.
    """

    beta: float | None = None
    bits: float | None = None
    n_components: int | None = None

    def __post_init__(self) -> None:
        given = [name for name, value in vars(self).items() if value is not None]
        if len(given) > 1:
            raise UserError(
                f"choose an approximation by exactly one of {', '.join(vars(self))}; got "
                f"{', '.join(given)}."
            )
        if self.beta is not None and not 0 < self.beta < math.inf:
            raise UserError(f"beta must be positive and finite, got {self.beta:g}.")

    @property
    def is_given(self) -> bool:
        """Whether any of the attributes is given."""
        return any(value is not None for value in vars(self).values())
