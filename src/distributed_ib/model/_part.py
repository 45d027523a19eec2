"""Base class of encoders and predictors, whose options are fields that describe them."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import equinox as eqx

from distributed_ib._checks import whole_number


class Part(eqx.Module):
    """An encoder or a predictor.

    Its arrays are ordinary fields. Every argument of its constructor except the random key is a
    static field of the same name: a number, a string or a tuple of them.
    """

    def config(self) -> dict[str, Any]:
        """Options by name, as plain JSON values: the constructor's arguments except the key.

        Example:
            >>> from distributed_ib.model.encoders import BinaryEncoder
            >>> BinaryEncoder(3).config()
            {'n_components': 3, 'embedding_dim': 1}
        """
        fields = (field for field in dataclasses.fields(self) if field.metadata.get("static"))
        return {field.name: _plain(getattr(self, field.name)) for field in fields}


def hidden_widths(widths: Iterable[int]) -> tuple[int, ...]:
    """Widths of hidden layers as plain integers, since JSON supports no other kind.

    Raises:
        UserError: If one of them is not a positive whole number.

    Example:
        >>> hidden_widths([32, 16])
        (32, 16)
    """
    return tuple(whole_number("hidden width", width, 1) for width in widths)


def _plain(value: Any) -> Any:
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value
