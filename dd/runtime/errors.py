"""The exception for mistakes that a user can correct, and the exit status of a command that a signal has stopped."""

STOPPED = 143
"""Exit status of a command that a signal has stopped: 128 plus the number of SIGTERM."""


class UserError(Exception):
    """Bad input or a missing resource. The message is one line: what is wrong, where, and the cure.

    The command line prints it as `error: <message>` and exits with 1, without a traceback.
    """


class StoppedError(Exception):
    """The process received SIGTERM or SIGINT, and the state has been saved."""


def reason(error: BaseException) -> str:
    """The message of an exception of another library, in one line."""
    return " ".join(str(error).split())
