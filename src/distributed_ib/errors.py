"""Errors that are written for the person at the keyboard."""


class UserError(ValueError):
    """Something the user can mend: the message says what is wrong, where, and what to do.

    The command line prints the message as one line and exits with status 2. Library users get an
    ordinary `ValueError`.

    >>> raise UserError("c.toml: gate 'g1' reads 'X7', which is not an input or gate.")
    Traceback (most recent call last):
        ...
    distributed_ib.errors.UserError: c.toml: gate 'g1' reads 'X7', which is not an input or gate.
    """


class DivergenceError(UserError):
    """Training whose loss was not finite before anything could be kept."""


def first_line(error: BaseException) -> str:
    r"""What another library's error says, short enough to stand in one of ours.

    >>> first_line(ValueError("no such thing.\nfollowed by much more"))
    'no such thing'
    """
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def one_line(error: BaseException) -> str:
    r"""All that another library's error says, in one line.

    >>> one_line(ValueError("no such thing.\nTry another."))
    'no such thing. Try another.'
    """
    return " ".join(str(error).split())
