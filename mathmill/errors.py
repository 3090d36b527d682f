"""The one exception that means the user, not the program, can mend what went wrong."""


class UserError(Exception):
    """Bad input: its message names the place and the mend, on one line.

    Command-line entry points print the message without a traceback and exit with code 2.
    """
