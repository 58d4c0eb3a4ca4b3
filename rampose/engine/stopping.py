"""How a run says that it cannot go on."""


class RunStopped(SystemExit):
    """A training or test cannot start or go on, for a reason that the person at the keyboard can mend.

    Python prints the message of a `SystemExit` alone, without a traceback, and ends with status 1.

    Args:
        message: One line: what happened, what is needed, what to do.
    """
