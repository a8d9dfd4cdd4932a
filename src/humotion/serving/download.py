"""Download a video for a client who names an address, without being led into the network of this machine.

A name is resolved once, every address behind it must be public, and the connection goes to one of these very addresses
(a second look-up could give another). A redirect is a new address, with the same rules.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3

from humotion.serving.limits import Refused, ServeLimits

_PORTS = {"http": 80, "https": 443}
_PIECE = 1 << 16
_NOT_THERE = "The address does not answer with a file."


def download(url: str, path: Path, limits: ServeLimits) -> None:
    """Write the content of an http or https address to a file.

    Raises:
        Refused: the address is not allowed, does not answer with status 200, or its content is too large or too slow.
    """
    deadline = time.monotonic() + limits.seconds
    for _ in range(limits.redirects + 1):
        next_url = _fetch(url, path, limits, deadline)
        if next_url is None:
            return
        url = urljoin(url, next_url)
    raise Refused(f"The address has more than {limits.redirects} redirects.")


def _fetch(url: str, path: Path, limits: ServeLimits, deadline: float) -> str | None:
    """One request: None if the content is written, or where it is redirected to."""
    parts = _checked(url)
    address = _address_of(parts, limits.private)
    try:
        with _pool(parts, address, limits) as pool:
            target = parts.path or "/"
            answer = pool.urlopen(
                "GET",
                f"{target}?{parts.query}" if parts.query else target,
                headers={
                    "Host": parts.netloc.rpartition("@")[2],
                    "User-Agent": "humotion",
                    "Accept-Encoding": "identity",
                },
                redirect=False,
                retries=False,
                preload_content=False,
                assert_same_host=False,
            )
            try:
                if answer.status in (301, 302, 303, 307, 308):
                    return str(answer.headers.get("Location", ""))
                if answer.status != 200:
                    raise Refused(f"The address answers with status {answer.status}.")
                _write(answer, path, limits, deadline)
            finally:
                answer.close()
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise Refused(_NOT_THERE) from error
    return None


def _checked(url: str) -> SplitResult:
    """The parts of an address that may be asked."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise Refused("An address starts with http:// or https://, and names a host.")
    if parts.username is not None:
        raise Refused("An address with a user's name is not read.")
    return parts


def _address_of(parts: SplitResult, private: bool) -> str:
    """An IP address of the host, if all of them are allowed."""
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, parts.port or _PORTS[parts.scheme], type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused("The address names no host that can be found.") from None
    addresses = [str(one[4][0]).partition("%")[0] for one in found]
    if not private and not all(_is_public(address) for address in addresses):
        raise Refused("The address is not public, and this server reads no others.", 403)
    return addresses[0]


def _is_public(address: str) -> bool:
    """Whether an address is of the internet, also behind IPv6 forms of IPv4 addresses."""
    known: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    if isinstance(known, ipaddress.IPv6Address):
        inner = known.ipv4_mapped or known.sixtofour or (known.teredo[1] if known.teredo else None)
        if inner is None and known in ipaddress.ip_network("64:ff9b::/96"):  # NAT64
            inner = ipaddress.IPv4Address(int(known) & 0xFFFFFFFF)
        if inner is not None:
            known = inner
    return known.is_global and not known.is_multicast


def _pool(parts: SplitResult, address: str, limits: ServeLimits) -> urllib3.HTTPConnectionPool:
    """Connections to that address; the certificate must be of the host that was asked for."""
    timeout = urllib3.Timeout(connect=10.0, read=min(10.0, limits.seconds))
    port = parts.port or _PORTS[parts.scheme]
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(address, port, timeout=timeout)
    return urllib3.HTTPSConnectionPool(
        address, port, timeout=timeout, server_hostname=parts.hostname, assert_hostname=parts.hostname
    )


def _write(answer: urllib3.BaseHTTPResponse, path: Path, limits: ServeLimits, deadline: float) -> None:
    size = 0
    with path.open("wb") as file:
        while piece := answer.read1(_PIECE):  # what has come; `read` would wait for all of a piece
            size += len(piece)
            limits.check_size(size)
            if time.monotonic() > deadline:
                raise Refused(f"The download took more than {limits.seconds:g} s.", 408)
            file.write(piece)
