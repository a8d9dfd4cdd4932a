"""Attention rollout against numbers worked out by hand, and weights against what attention gives."""

from __future__ import annotations

import torch

from humotion.models.vit.transformer import Attention
from humotion.tasks.action_recognition.evaluation.attention_rollout import attention_weights, patch_shares, rollout


def test_two_blocks_by_hand() -> None:
    first = torch.tensor([[[1.0, 0.0], [0.5, 0.5]]])
    second = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    # With the identity: [[1, 0], [1/4, 3/4]] and then [[1/2, 1/2], [1/2, 1/2]].
    expected = torch.tensor([[[5 / 8, 3 / 8], [5 / 8, 3 / 8]]])
    torch.testing.assert_close(rollout([first, second]), expected)
    # The order of the blocks matters.
    assert not torch.allclose(rollout([second, first]), expected)


def test_weights_are_those_that_attention_uses() -> None:
    torch.manual_seed(0)
    attention = Attention(8, 1, dropout=0.0)
    torch.nn.init.normal_(attention.qkv.weight)
    tokens = torch.randn(2, 3, 5, 8)
    weights = attention_weights(attention, tokens)
    value = attention.qkv(tokens.flatten(0, 1))[..., 16:]
    torch.testing.assert_close(attention.proj(weights @ value).unflatten(0, (2, 3)), attention(tokens))


def test_rows_sum_to_one_through_heads_and_blocks() -> None:
    torch.manual_seed(0)
    blocks = [Attention(12, 3, dropout=0.0) for _ in range(4)]
    weights = [attention_weights(block, 5 * torch.randn(2, 3, 7, 12)) for block in blocks]
    assert weights[0].shape == (6, 7, 7)
    rolled = rollout(weights)
    torch.testing.assert_close(torch.cat([*weights, rolled]).sum(-1), torch.ones(30, 7))
    assert rolled.min() >= 0


def test_patches_of_class_token_registers_and_mean() -> None:
    rolled = torch.tensor(
        [
            [
                [0.5, 0.1, 0.1, 0.3],
                [0.0, 1.0, 0.0, 0.0],
                [0.2, 0.2, 0.6, 0.0],
                [0.0, 0.2, 0.0, 0.8],
            ]
        ]
    )
    with_class_token = patch_shares(rolled, num_prefix=2, of_class_token=True)
    torch.testing.assert_close(with_class_token, torch.tensor([[0.25, 0.75]]))
    registers_alone = patch_shares(rolled, num_prefix=2, of_class_token=False)  # (0.6, 0.8) / 1.4
    torch.testing.assert_close(registers_alone, torch.tensor([[3 / 7, 4 / 7]]))
    nothing_before = patch_shares(rolled, num_prefix=0, of_class_token=False)  # the mean of all rows
    torch.testing.assert_close(nothing_before, torch.tensor([[0.7, 1.5, 0.7, 1.1]]) / 4)
