"""Errors that are written for the person at the keyboard."""


class UserError(ValueError):
    """Something the user can mend: the message says what is wrong, where, and what to do.

    The command line prints the message as one line and exits with status 2. Library users get an
    ordinary `ValueError`.

    >>> raise UserError("circuit.toml: gate 'g1' reads 'X7', which is no input or gate.")
    Traceback (most recent call last):
        ...
    distributed_ib.errors.UserError: circuit.toml: gate 'g1' reads 'X7', which is no input or gate.
    """
