"""Vectors of classes, refined by the embedding of a person, against the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from humotion.models.hp_net.trmm import TextHead, TextRefinement

CLASSES, DIM, PERSON = 5, 7, 11


def refinement(identity_start: bool = False) -> TextRefinement:
    torch.manual_seed(0)
    return TextRefinement(DIM, PERSON, identity_start)


def vectors(seed: int = 1, number: int = CLASSES, dim: int = DIM) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(number, dim, generator=random), dim=1)


def test_refined_vectors_are_those_of_the_definition() -> None:
    refine, texts, person = refinement(), vectors(), torch.randn(2, PERSON, generator=torch.Generator().manual_seed(2))
    weights = {key: value.detach().numpy() for key, value in refine.state_dict().items()}

    def twice(part: str, values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        for layer in "01":
            values = values @ weights[f"{part}.{layer}.weight"].T + weights[f"{part}.{layer}.bias"]
        return values

    t, expected = texts.numpy(), np.zeros((2, CLASSES, DIM))
    p = np.mean([np.maximum(twice("rows", t[k]), 0) for k in range(CLASSES)], axis=0)
    q = np.mean([np.maximum(twice("columns", t[k]), 0) for k in range(CLASSES)], axis=0)
    for clip in range(2):
        gamma, beta = twice("gamma", person[clip].numpy()), twice("beta", person[clip].numpy())
        for k in range(CLASSES):
            n = [sum(np.tanh(p[u] - q[d]) * t[k, d] for d in range(DIM)) for u in range(DIM)]
            expected[clip, k] = t[k] + n + gamma * t[k] + beta
    with torch.no_grad():
        np.testing.assert_allclose(refine(texts, person), expected, atol=1e-5)


def test_the_published_size() -> None:
    published = TextRefinement(512, 768, identity_start=False)
    assert sum(parameter.numel() for parameter in published.parameters()) == 2_363_392


def test_half_of_the_refinement_never_sees_the_video() -> None:
    refine, texts = refinement(), vectors()
    one, other = vectors(3, 2, PERSON), vectors(4, 2, PERSON)
    with torch.no_grad():
        assert not torch.allclose(refine(texts, one), refine(texts, other), atol=1e-2)
        for layers in (refine.gamma, refine.beta):
            layers[-1].weight.zero_()
            layers[-1].bias.zero_()
        without_modulation = refine(texts, one)
        torch.testing.assert_close(refine(texts, other), without_modulation)
        mixing = without_modulation - texts
    assert (mixing.abs().amax((1, 2)) > 0.1).all()
    torch.testing.assert_close(mixing[0], mixing[1])


def test_refined_vectors_follow_a_new_order_of_the_classes() -> None:
    refine, texts, person = refinement(), vectors(), vectors(3, 2, PERSON)
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        torch.testing.assert_close(refine(texts[order], person), refine(texts, person)[:, order])


def test_an_identity_start_refines_nothing_and_still_learns() -> None:
    refine, texts, person = refinement(identity_start=True), vectors(), vectors(3, 2, PERSON)
    refined = refine(texts, person)
    torch.testing.assert_close(refined, texts.expand(2, -1, -1), rtol=0, atol=0)
    (refined * torch.randn_like(refined)).sum().backward()
    for part in (refine.gamma, refine.beta, refine.rows, refine.columns):
        assert part[-1].weight.grad is not None and part[-1].weight.grad.any()  # also of p and q behind their ReLU
        assert part[0].weight.grad is not None and not part[0].weight.grad.any()  # from the second step on


@pytest.mark.parametrize("dim", [DIM, 4])
def test_logits_are_scaled_cosines(dim: int) -> None:
    torch.manual_seed(0)
    head = TextHead(vectors(), is_learned=False, dim=dim, person_dim=PERSON, identity_start=True)
    picture, person = 5 * torch.randn(3, dim), torch.randn(3, PERSON)
    with torch.no_grad():
        logits = head(torch.cat([picture, person], dim=1))
        texts = head.project(head.text_embed)
        expected = [[torch.cosine_similarity(one, text, dim=0) / 0.07 for text in texts] for one in picture]
        torch.testing.assert_close(logits, torch.tensor(expected))
        head.scale.add_(math.log(2))
        torch.testing.assert_close(head(torch.cat([picture, person], dim=1)), 2 * logits)


def test_vectors_are_parameters_only_if_they_are_learned() -> None:
    for is_learned in (False, True):
        head = TextHead(vectors(), is_learned, DIM, PERSON, identity_start=False)
        assert ("text_embed" in dict(head.named_parameters())) == is_learned
        assert "text_embed" in head.state_dict()
