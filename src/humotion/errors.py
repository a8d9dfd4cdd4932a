"""The one exception that a user is meant to read."""

from __future__ import annotations


class HumotionError(Exception):
    """A mistake the user can mend: the text says what is wrong, where, and what to do.

    The command line prints it without a traceback (``--debug`` shows one).
    """
