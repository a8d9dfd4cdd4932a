"""Download one file over HTTP, and resume where an earlier attempt stopped.

Bytes go to ``NAME.part``; ``NAME.part.json`` keeps the size and the validator (ETag, else Last-Modified) of
the version they belong to. A later request asks for the rest with Range and If-Range. If the file has changed,
or the server does not support ranges, the server sends the complete file and the download starts again. Without
a validator the download never resumes. The last step is a rename.

We use `requests` because dvc and mlflow install it anyway, and it handles redirects, proxies and certificates.
pooch, which downloads datasets by checksum, cannot resume, and these servers break off.
"""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3
from tqdm import tqdm

from humotion.errors import HumotionError
from humotion.files import read_json, write_json

TIMEOUT = (15.0, 60.0)
"""Seconds to connect, and to wait for the next bytes."""
ATTEMPTS = 5
"""Stop after this many failed attempts in a row without progress."""
MARGIN = 256 * 2**20
"""Bytes on the disk that always stay free."""
_CHUNK = 2**16  # at most this is lost if the server stalls in a chunk
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class DownloadError(HumotionError):
    """A file that this server does not provide; the text says why."""


class _BrokeOff(Exception):
    """A fault that may not occur in another attempt."""


@dataclass(frozen=True)
class Offer:
    """What a server says about a file: its size in bytes and the version's validator, each None if unknown."""

    size: int | None
    validator: str | None


class Part:
    """The file that is being downloaded to ``path``, with the bytes so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path.with_name(f"{path.name}.part")
        self._state = path.with_name(f"{path.name}.part.json")

    @property
    def length(self) -> int:
        """Bytes on disk."""
        return self.data.stat().st_size if self.data.exists() else 0

    @property
    def offer(self) -> Offer:
        """The version that the bytes belong to."""
        try:
            state = read_json(self._state)
            return Offer(state["size"], state["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            return Offer(None, None)

    @property
    def resumable(self) -> bool:
        """Whether the server can be asked for the rest of exactly the version that we have."""
        return self.length > 0 and self.offer.validator is not None

    def start(self, offer: Offer) -> None:
        """Delete the bytes so far; the next bytes belong to ``offer``."""
        self.data.unlink(missing_ok=True)
        write_json(self._state, {"size": offer.size, "validator": offer.validator})

    def finish(self) -> None:
        """Rename the part to the name of the file."""
        self.data.replace(self.path)
        self._state.unlink(missing_ok=True)


def measure(url: str, timeout: tuple[float, float] = TIMEOUT) -> Offer:
    """What the server says about a file, from the headers of a GET (some servers answer HEAD wrongly).

    If the server is unreachable now, nothing is known: `download` tries again and reports the error.

    Raises:
        DownloadError: the server does not have the file.
    """
    try:
        with requests.Session() as session, _get(session, url, {}, timeout) as response:
            return _offer(response)
    except (_BrokeOff, requests.RequestException):
        return Offer(None, None)


def download(
    url: str,
    path: Path,
    timeout: tuple[float, float] = TIMEOUT,
    attempts: int = ATTEMPTS,
    pause: float = 1.0,
) -> None:
    """Download ``url`` to ``path``, and resume an earlier ``path.part`` if that is safe.

    Between failed attempts it waits ``pause`` seconds, then twice as long each time, at most a minute.

    Raises:
        DownloadError: the server has no such file, sends a web page instead, or ``attempts`` attempts in a
            row failed without progress.
        HumotionError: the disk has no room for it.
    """
    part = Part(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    furthest, failures = part.length, 0
    with requests.Session() as session:
        while True:
            try:
                _attempt(session, url, part, timeout)
                break
            except (_BrokeOff, requests.RequestException, urllib3.exceptions.HTTPError) as error:
                failures = 1 if part.length > furthest else failures + 1
                furthest = max(furthest, part.length)
                if failures >= attempts:
                    raise DownloadError(f"{url}: {_reason(error)} Tried {failures} times.") from error
                time.sleep(min(60.0, pause * 2 ** (failures - 1)))
    part.finish()


def require_room(folder: Path, num_bytes: float, purpose: str) -> None:
    """Raise HumotionError unless the disk of ``folder`` has room for ``num_bytes`` and a margin."""
    free = shutil.disk_usage(folder).free
    if num_bytes + MARGIN > free:
        raise HumotionError(
            f"{purpose} needs about {gigabytes(num_bytes)} on the disk of {folder}, but {gigabytes(free)} are free "
            f"({gigabytes(MARGIN)} of this must stay free). Free some space, or choose another disk with --into."
        )


def gigabytes(num_bytes: float) -> str:
    """A size for people, for example 2.10 GB."""
    return f"{num_bytes / 1e9:,.2f} GB"


def _attempt(session: requests.Session, url: str, part: Part, timeout: tuple[float, float]) -> None:
    if part.resumable and part.length == part.offer.size:
        return
    headers = {}
    if part.resumable:
        headers = {"Range": f"bytes={part.length}-", "If-Range": str(part.offer.validator)}
    with _get(session, url, headers, timeout) as response:
        if not _continues(response, part):
            part.start(_offer(response))
        size = part.offer.size
        if size is not None:
            require_room(part.path.parent, size - part.length, f"Downloading {part.path.name}")
        with (
            part.data.open("ab") as stream,
            tqdm(
                total=size, initial=part.length, unit="B", unit_scale=True, unit_divisor=1000, desc=part.path.name
            ) as bar,
        ):
            # Raw bytes: some servers mark a .tar.gz as Content-Encoding gzip, and requests would decompress it.
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                stream.write(chunk)
                stream.flush()
                bar.update(len(chunk))
    if size is not None and part.length != size:
        raise _BrokeOff(f"the transfer ended at {part.length:,} of {size:,} bytes.")


def _get(
    session: requests.Session, url: str, headers: dict[str, str], timeout: tuple[float, float]
) -> requests.Response:
    """Return a response whose body is (part of) the file; raise for every other response."""
    response = session.get(url, headers={"Accept-Encoding": "identity", **headers}, stream=True, timeout=timeout)
    try:
        _refuse_downgrade(response)
        if response.status_code in _PASSING:
            raise _BrokeOff(f"the server answers {response.status_code} ({response.reason}).")
        if response.status_code not in (200, 206, 416):
            raise DownloadError(f"{url}: the server answers {response.status_code} ({response.reason}).")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise DownloadError(f"{url}: the server sends a web page instead of the file.")
    except Exception:
        response.close()
        raise
    return response


def _continues(response: requests.Response, part: Part) -> bool:
    """Whether the body is the rest of our part; else it is the complete file."""
    if response.status_code == 200:
        return False
    told = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    fits = response.status_code == 206 and told is not None and int(told[1]) == part.length
    fits = fits and told is not None and told[2] in ("*", str(part.offer.size))
    fits = fits and _validator(response) in (None, part.offer.validator)
    if not fits:
        part.start(Offer(None, None))
        raise _BrokeOff("the server's answer does not match the part that we have, which was deleted.")
    return True


def _offer(response: requests.Response) -> Offer:
    length = response.headers.get("Content-Length", "")
    return Offer(int(length) if length.isdigit() else None, _validator(response))


def _validator(response: requests.Response) -> str | None:
    etag: str | None = response.headers.get("ETag")
    if etag and not etag.startswith("W/"):  # a weak one does not promise the same bytes
        return etag
    return response.headers.get("Last-Modified")


def _refuse_downgrade(response: requests.Response) -> None:
    hops = [hop.url for hop in (*response.history, response)]
    if hops[0].startswith("https:") and not all(hop.startswith("https:") for hop in hops):
        raise DownloadError(f"{hops[0]}: redirected to {hops[-1]}, which is not encrypted. Refused.")


def _reason(error: Exception) -> str:
    """One sentence for users, about an exception whose text is for programmers."""
    if isinstance(error, _BrokeOff):
        return str(error)
    timed_out = isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError) or "timed out" in str(error)
    if timed_out:
        return "the server stopped answering."
    if isinstance(error, requests.exceptions.SSLError):
        return f"the server's certificate is not accepted ({error})."
    if isinstance(error, urllib3.exceptions.ProtocolError | requests.exceptions.ChunkedEncodingError):
        return "the connection broke off."
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached."
    return f"the download failed ({error})."
