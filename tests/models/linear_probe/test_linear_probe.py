"""The linear probe: which means it takes, and that nothing unknown counts."""

from __future__ import annotations

import pytest
import torch

from humotion.models.linear_probe.linear_probe import LinearProbe

B, T, J, C = 2, 6, 3, 4


def clip() -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(0)
    features, frame = torch.randn(B, T, J, C, generator=random), torch.randn(B, T, C, generator=random)
    known = torch.ones(B, T, J, dtype=torch.bool)
    known[0, 2:, 1] = known[1, :, 2] = False
    is_padding = torch.zeros(B, T, dtype=torch.bool)
    is_padding[0, 4:] = True
    return features, frame, known, is_padding


def test_the_embedding_is_the_mean_of_what_is_known() -> None:
    features, frame, known, is_padding = clip()
    of_frames, of_joints = (
        LinearProbe(5, J, C, sees=sees).embed(features, frame, known, is_padding) for sees in ("frame", "joints")
    )
    torch.testing.assert_close(of_frames, torch.stack([frame[0, :4].mean(0), frame[1].mean(0)]))
    torch.testing.assert_close(of_joints[0, :C], features[0, :4, 0].mean(0))
    torch.testing.assert_close(of_joints[0, C : 2 * C], features[0, :2, 1].mean(0))
    assert not of_joints[1, 2 * C :].any()  # known in no frame
    both = LinearProbe(5, J, C, sees="both").embed(features, frame, known, is_padding)
    torch.testing.assert_close(both, torch.cat([of_frames, of_joints], 1))


@pytest.mark.parametrize("sees", ["frame", "joints", "both"])
def test_what_is_not_known_changes_nothing(sees: str) -> None:
    features, frame, known, is_padding = clip()
    model = LinearProbe(5, J, C, sees=sees)  # type: ignore[arg-type]
    expected = model(features, frame, known, is_padding)
    assert expected.shape == (B, 5)
    other = features.masked_fill((~known | is_padding[..., None])[..., None], torch.nan)
    padded = frame.masked_fill(is_padding[..., None], torch.nan)
    torch.testing.assert_close(model(other, padded, known, is_padding), expected)
