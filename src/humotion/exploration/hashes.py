"""Perceptual hashes of frames, and the pairs of videos that are close by them.

A frame's hash is ImageHash's ``phash`` with 256 bits (signs of the low DCT frequencies of the luma
around their median). The distance of two videos is the smallest number of bits in which a frame of one
differs from a frame of the other. All pairs are compared at once, as 64-bit words in numpy.
"""

from __future__ import annotations

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

NUM_BITS = 256
MOST_BITS = 72
"""Videos within this distance are near-duplicates.

This was measured on the 517 real JHMDB clips (240 rows), with three frames per clip. Of 132,368 pairs of clips
from different films, one is within 72 bits: two lessons filmed at one golf tee (50 bits). The next pair (80) is
one gym in two clips. The first pairs that only look alike are at 84. These shares of altered copies are within
72 bits of their original: all that are brightened, darkened, greyed, shrunk to 96 rows, re-encoded by H.264 at
CRF 34, or cropped by 3 % at each side; 98 % of those cut to their last half or three quarters; 96 % of those
with black bars 15 rows high; and 44 % of those cropped by 6 % at each side. Mirrored copies are not found.
"""
LEAST_CONTRAST = 5.0  # standard deviation of the luma (0-255); all blank frames look alike
_BLOCK = 64  # videos that are compared at once with all later ones: some tens of megabytes

Hashes = NDArray[np.uint64]


def hash_frames(frames: NDArray[np.uint8]) -> Hashes:
    """Hashes (T, 4) of RGB frames (T, H, W, 3); all bits are 0 if a frame has too little contrast."""
    hashes = np.zeros((len(frames), NUM_BITS // 64), np.uint64)
    for row, frame in enumerate(frames):
        image = Image.fromarray(frame).convert("L")
        if np.asarray(image).std() >= LEAST_CONTRAST:
            bits = imagehash.phash(image, hash_size=16).hash
            hashes[row] = np.packbits(bits.reshape(-1)).view(np.uint64)
    return hashes


def close_pairs(hashes: Hashes, most_bits: int = MOST_BITS) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (P, 2) of videos, first < second, that differ by at most ``most_bits``, and their distances (P,).

    ``hashes`` is (N, T, 4): T frames of N videos. Frames without a hash are not compared.
    """
    num_videos, num_frames = hashes.shape[:2]
    is_hash: NDArray[np.bool_] = np.asarray(hashes.any(axis=-1))  # (N, T)
    pairs, distances = [np.empty((0, 2), np.int64)], [np.empty(0, np.int64)]
    for start in tqdm(range(0, num_videos, _BLOCK), desc="near-duplicates", unit="block", leave=False):
        block, later = slice(start, start + _BLOCK), slice(start, num_videos)
        nearest = np.full((min(_BLOCK, num_videos - start), num_videos - start), NUM_BITS, np.uint16)  # (B, M)
        for one in range(num_frames):
            for other in range(num_frames):
                bits = _distances(hashes[block, one], hashes[later, other])
                bits[~(is_hash[block, one, None] & is_hash[None, later, other])] = NUM_BITS
                np.minimum(nearest, bits, out=nearest)
        first, second = np.nonzero(np.triu(nearest <= most_bits, k=1))
        pairs.append(np.column_stack([first, second]) + start)
        distances.append(nearest[first, second].astype(np.int64))
    return np.concatenate(pairs), np.concatenate(distances)


def _distances(one: Hashes, other: Hashes) -> NDArray[np.uint16]:
    """The number of differing bits (B, M) between hashes (B, 4) and (M, 4)."""
    total = np.zeros((len(one), len(other)), np.uint16)
    for word in range(one.shape[1]):
        total += np.bitwise_count(one[:, None, word] ^ other[None, :, word])
    return total
