"""Seeded damage to files, like that of broken downloads, bad disks and attackers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate(data: bytes, other: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """``data`` with one to three kinds of damage, and their names; ``other`` is a file of the same kind."""
    names = []
    for _ in range(rng.integers(1, 4)):
        damage = MUTATIONS[rng.integers(len(MUTATIONS))]
        data = damage(data, other, rng) if data else data
        names.append(damage.__name__.lstrip("_"))
    return data, "+".join(names)


def _flip(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    values = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(len(values), size=rng.integers(1, 1 + min(64, len(values))))
    values[places] ^= rng.integers(1, 256, len(places)).astype(np.uint8)
    return values.tobytes()


def _flip_bits(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    values = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(len(values), size=rng.integers(1, 9))
    values[places] ^= (1 << rng.integers(0, 8, len(places))).astype(np.uint8)
    return values.tobytes()


def _truncate(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    return data[: rng.integers(len(data))]


def _splice(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    start, end = _range(len(other), rng)
    place = rng.integers(len(data) + 1)
    return data[:place] + other[start:end] + data[place + int(rng.integers(2)) * (end - start) :]


def _edit_header(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Make values near the start extreme: sizes, counts and offsets are there (in MP4 also near the end)."""
    values = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        width = int(rng.choice([1, 2, 4]))
        place = int(rng.integers(min(len(data), 600)))
        place = len(data) - 1 - place if rng.random() < 0.3 else place
        number = int(rng.choice(_EDGES)) % (1 << 8 * width)
        values[place : place + width] = number.to_bytes(width, "little" if rng.random() < 0.5 else "big")
    return bytes(values)


def _zero_run(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    start, end = _range(len(data), rng)
    return data[:start] + bytes(end - start) + data[end:]


def _delete(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    start, end = _range(len(data), rng)
    return data[:start] + data[end:]


def _repeat(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    start, end = _range(len(data), rng)
    return data[:end] + data[start:]


def _range(length: int, rng: np.random.Generator) -> tuple[int, int]:
    """A random range whose length has any order of magnitude."""
    start = int(rng.integers(length)) if length else 0
    return start, min(length, start + int(10 ** rng.uniform(0, max(0.1, np.log10(max(1, length))))))


MUTATIONS: tuple[Callable[[bytes, bytes, np.random.Generator], bytes], ...] = (
    *(_flip, _flip_bits, _truncate, _splice),
    *(_edit_header, _zero_run, _delete, _repeat),
)
