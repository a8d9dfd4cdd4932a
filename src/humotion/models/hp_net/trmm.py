"""Text refinement (TRMM): vectors of class names, moved by a person's embedding, classify the picture.

    m_k   = (W2 W1 s) * t_k + V2 V1 s                               modulation by the person's embedding s
    p, q  = mean over k of ReLU(P2 P1 t_k), of ReLU(Q2 Q1 t_k)
    n_k   = T t_k, with T[u, d] = tanh(p_u - q_d)                   mixing of the vectors' values
    t'_k  = t_k + n_k + m_k
    logit = exp(scale) * cos(F_u, t'_k)                             F_u: the embedding of the picture

This is the published arithmetic, with what it implies: two linear layers without an activation between them are one
linear map. V2 V1 s is the same vector for every class. T depends on the class names alone, so n_k is the same for every
video. With vectors of 512 values and s of 768 there are 2,363,392 parameters.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEMPERATURE = 0.07  # the initial one of CLIP (Radford et al., ICML 2021)


class TextRefinement(nn.Module):
    """TRMM: vectors of classes, refined for each clip.

    Args:
        dim: length D of a class's vector.
        person_dim: length S of a person's embedding.
        identity_start: the last layers start at zero, so that refined vectors start as they were.
    """

    def __init__(self, dim: int, person_dim: int, identity_start: bool) -> None:
        super().__init__()
        self.gamma, self.beta = _two_layers(person_dim, dim), _two_layers(person_dim, dim)
        self.rows, self.columns = _two_layers(dim, dim), _two_layers(dim, dim)
        if identity_start:
            # p = q = 0 lies in the corner of the ReLU, where PyTorch's gradient is 0, so n_k would stay 0 for ever.
            # With p = q = 1, T is 0 too.
            for layers, start in ((self.gamma, 0), (self.beta, 0), (self.rows, 1), (self.columns, 1)):
                last: Any = layers[-1]
                nn.init.zeros_(last.weight)
                nn.init.constant_(last.bias, start)

    def mixed(self, texts: Tensor) -> Tensor:
        """Return n (K, D) of the vectors (K, D) of all classes."""
        rows, columns = self.rows(texts).relu().mean(0), self.columns(texts).relu().mean(0)  # (D,)
        return texts @ (rows[:, None] - columns).tanh().T

    def modulated(self, texts: Tensor, person: Tensor) -> Tensor:
        """Return m (B, K, D) for vectors (K, D) and embeddings of persons (B, S)."""
        return self.gamma(person)[:, None] * texts + self.beta(person)[:, None]

    def forward(self, texts: Tensor, person: Tensor) -> Tensor:
        """Return refined vectors (B, K, D) for vectors (K, D) and embeddings of persons (B, S)."""
        return texts + self.mixed(texts) + self.modulated(texts, person)


class TextHead(nn.Module):
    """A classifier that compares the picture with the refined vectors of the classes.

    Args:
        texts: (K, E) vectors of the classes.
        is_learned: the vectors are parameters, otherwise they stay as they are.
        dim: D, of the picture's embedding. If it differs from E, a linear layer maps the vectors to it.
        person_dim: S, of the person's embedding.
        identity_start: before training, logits are the scaled cosines to the vectors themselves.
    """

    text_embed: Tensor  # its name keeps weight decay away (`humotion.training.task.parameter_groups`)

    def __init__(self, texts: Tensor, is_learned: bool, dim: int, person_dim: int, identity_start: bool) -> None:
        super().__init__()
        self.dim, self.person_dim = dim, person_dim
        if is_learned:
            self.text_embed = nn.Parameter(texts)
        else:
            self.register_buffer("text_embed", texts)
        same = texts.shape[1] == dim
        self.project: nn.Module = nn.Identity() if same else nn.Linear(texts.shape[1], dim)
        self.refine = TextRefinement(dim, person_dim, identity_start)
        self.scale = nn.Parameter(torch.tensor(-math.log(TEMPERATURE)))

    def forward(self, embedding: Tensor) -> Tensor:
        """Return logits (B, K) of embeddings (B, D + S): of the picture, then of the person."""
        picture, person = embedding.split([self.dim, self.person_dim], dim=1)
        refined = self.refine(self.project(self.text_embed), person)  # (B, K, D)
        cosines = torch.einsum("bd,bkd->bk", F.normalize(picture, dim=-1), F.normalize(refined, dim=-1))
        return self.scale.exp() * cosines


def _two_layers(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.Linear(outputs, outputs))
