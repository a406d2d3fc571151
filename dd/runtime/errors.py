"""The exception for mistakes that a user can correct."""


class UserError(Exception):
    """Bad input or a missing resource. The message is one line: what is wrong, where, and the cure.

    The command line prints it as `error: <message>` and exits with 1, without a traceback.
    """


def reason(error: Exception) -> str:
    """The message of an exception of another library, in one line."""
    return " ".join(str(error).split())
