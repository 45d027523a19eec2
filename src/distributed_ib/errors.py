"""Errors whose messages are written for the user."""


class UserError(ValueError):
    """An error that the user can fix: the message says what is wrong, where, and what to do.

    The command line prints the message as one line and exits with status 2. Library users get an
    ordinary `ValueError`.

    >>> raise UserError("c.toml: gate 'g1' reads 'X7', which is not an input or gate.")
    Traceback (most recent call last):
        ...
    distributed_ib.errors.UserError: c.toml: gate 'g1' reads 'X7', which is not an input or gate.
    """


class DivergenceError(UserError):
    """Training diverged: the loss was not finite before anything could be stored."""


def first_line(error: BaseException) -> str:
    r"""The first line of another library's error, for use in one of our messages.

    >>> first_line(ValueError("no such thing.\nfollowed by much more"))
    'no such thing'
    """
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def one_line(error: BaseException) -> str:
    r"""The full message of another library's error, in one line.

    >>> one_line(ValueError("no such thing.\nTry another."))
    'no such thing. Try another.'
    """
    return " ".join(str(error).split())
