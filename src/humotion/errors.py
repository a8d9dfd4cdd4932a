"""The exception for errors that the user can read and fix."""

from __future__ import annotations


class HumotionError(Exception):
    """A mistake that the user can fix. The text says what is wrong, where, and what to do.

    The command line prints it without a traceback (``--debug`` shows one).
    """


class DivergedError(HumotionError):
    """The numbers of a training or of a trained model are no longer finite. Such a run is FAILED, and tagged so."""
