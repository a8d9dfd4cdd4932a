"""One thread of torch, for tools whose network must give the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: sums in another order would be other bytes, and the workers already share the cores."""
    import torch  # slow, and a tool is also loaded to learn of its weights only

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
