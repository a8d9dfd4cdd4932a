"""The model as a whole: its section, its two networks, and people found in pictures."""

from __future__ import annotations

import inspect

import pytest
import torch

from humotion.models.associative_embedding.associative_embedding import AssociativeEmbedding
from humotion.models.associative_embedding.joint_order import COCO
from humotion.models.associative_embedding.official import MODELS
from humotion.params.models.associative_embedding import AssociativeEmbeddingParams, TagDecodingParams


def test_the_section_has_the_arguments_of_the_class_and_its_defaults() -> None:
    (entry,) = MODELS.values()
    arguments = inspect.signature(AssociativeEmbedding).parameters
    section = AssociativeEmbeddingParams(family="associative_embedding", name="associative_embedding")
    stated = section.model_dump(exclude={"weights", "family", "name"})
    assert stated.keys() | set(entry.from_data) == arguments.keys()
    assert stated == {name: arguments[name].default for name in stated}


@pytest.mark.parametrize("network", ["hourglass", "official"])
def test_maps_have_a_quarter_of_the_sides_and_people_are_found(network: str) -> None:
    torch.manual_seed(0)
    model = AssociativeEmbedding(COCO, network, width=16, stacks=2, depth=2).eval()  # type: ignore[arg-type]
    pictures = torch.randint(0, 256, (2, 1, 1, 3, 64, 96), dtype=torch.uint8)
    with torch.no_grad():
        stacks = model(model.normalise(pictures[:, 0, 0]))
        found = model.find({"frames": pictures}, TagDecodingParams(min_joint=0.0))
    names = {"heat": 17, "tags": 17} | ({"spare": 34} if network == "official" else {})
    assert [{name: tuple(one.shape) for name, one in maps.items()} for maps in stacks] == 2 * [
        {name: (2, channels, 16, 24) for name, channels in names.items()}
    ]
    assert len(found) == 2
    for people in found:
        assert people.joints.shape == (len(people.scores), 17, 2)
