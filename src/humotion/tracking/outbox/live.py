"""A thread that sends new data of a run on disk to its server, while the run is being written."""

from __future__ import annotations

import threading
import time

from tqdm import tqdm

from humotion.errors import HumotionError
from humotion.tracking.address import shown
from humotion.tracking.outbox.delivery import Delivery
from humotion.tracking.outbox.server import first_line, refuses, why_unreachable
from humotion.tracking.outbox.waiting import WaitingRun

INTERVAL = 5.0  # seconds between two searches for new data
SHARE = 50  # searching takes at most 1/50 of the time


class Live(threading.Thread):
    """Sends new data to the server while the run is being written."""

    def __init__(self, waiting: WaitingRun, uri: str, problem: str | None) -> None:
        super().__init__(daemon=True, name="humotion-sending")
        self.uri = uri
        self.was_unreachable = False
        self._unreachable = False
        self._delivery = Delivery(waiting, uri)
        self._over = threading.Event()
        self._note(problem)

    def start_sending(self) -> None:
        """Send the first data of the run now, and new data in the background.

        Raises:
            HumotionError: the server refuses the run.
        """
        if not self._unreachable:
            try:
                self._delivery.records()
            except Exception as error:
                if refuses(error):
                    raise HumotionError(
                        f"The MLflow store {shown(self.uri)} answers, but refuses the run: {first_line(error)}. "
                        "Fix MLFLOW_TRACKING_URI or machine.tracking_uri, or the permissions of its user."
                    ) from error
                self._note(first_line(error))
        self.start()

    def stop_sending(self) -> None:
        """Stop sending new data."""
        self._over.set()
        if self.is_alive():
            self.join(timeout=10)  # a request to a server that hangs may take longer, which does no harm

    def run(self) -> None:
        """Send new data in regular intervals."""
        pause = INTERVAL
        while not self._over.wait(pause):
            started = time.monotonic()
            self._send()
            pause = max(INTERVAL, SHARE * (time.monotonic() - started))

    def _send(self) -> None:
        try:
            problem = why_unreachable(self.uri) if self._unreachable else None
            if problem is None:
                self._delivery.records()
        except HumotionError as refusal:
            problem = str(refusal)
        except Exception as error:  # the run is on disk, and `deliver` sends everything again at its end
            problem = f"{'it refuses: ' if refuses(error) else ''}{first_line(error)}"
        self._note(problem)

    def _note(self, problem: str | None) -> None:
        if problem is not None and not self._unreachable and not self._over.is_set():
            tell(f"The MLflow store {shown(self.uri)} does not accept the run: {problem}. The run is kept on disk.")
        self._unreachable = problem is not None
        self.was_unreachable = self.was_unreachable or self._unreachable


def tell(text: str) -> None:
    """Print one line for the user, between progress bars."""
    tqdm.write(f"humotion: {text}")
