"""The rows of `benchmarks.jhmdb_actions`: each is an experiment of a recipe with a few other settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

RECIPES = ("jhmdb_pretrained", "jhmdb_skeleton", "jhmdb_hp_net")
VIT_WEIGHTS = "weights/vit_small_patch14_dinov2_saliency.fp16.safetensors"


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        title: what the table says.
        base: the experiment that it copies.
        changes: other values at some paths.
        has_seeds: whether its result depends on the seed. One that does not is trained once per split.
    """

    title: str
    base: str
    changes: Mapping[str, Any] = {}
    has_seeds: bool = True


class Fusion(NamedTuple):
    """The mean of the log-probabilities of several rows, or of other fusions, with equal weights."""

    title: str
    parts: tuple[str, ...]


class Ensemble(NamedTuple):
    """All seeds of a row or fusion as one model: the mean of their log-probabilities."""

    title: str
    of: str


class Block(NamedTuple):
    """A table: its rows and fusions, and the rows that each is compared with."""

    title: str
    rows: tuple[str, ...]
    peers: tuple[str, ...]
    over_parts: bool = False


# The head starts as the logistic regression and stays there: a convex problem, so no seed changes its result.
PROBE: dict[str, Any] = {"trainer.epochs": 1, "optimizer.warmup_epochs": 0, "optimizer.lr": 1e-12}
VIT: dict[str, Any] = {"layer": "features_vit", "augment.channels": 384}
# A CPU that has no instructions for bfloat16 takes several times as long with them as with float32.
LS_VIT: dict[str, Any] = {
    "trainer.precision": "auto",
    "evaluate.linear_probe": False,
    "evaluate.frame_orders": [],
}
PERSON: dict[str, Any] = {"layer": "people", "augment.around": "person"}

LAYERS: dict[str, dict[str, Any]] = {  # over the recipe's layer `features`
    "features_grid": {"points": "grid"},
    "features_other_clip": {"points": "other_clip"},
    "features_global": {"points": "global"},
    "features_vit": {"backbone": "vit", "weights": VIT_WEIGHTS, "every": 8},  # it is slow, and probes see the mean
}

ROWS = {
    "landmark_lstm": Row("tutorial LSTM, raw landmarks", "landmark_lstm"),
    "bigru": Row("BiGRU", "bigru"),
    "ddnet": Row("DD-Net", "ddnet"),
    "ctr_gcn": Row("CTR-GCN", "ctr_gcn"),
    "probe_frame": Row("probe of frames, EfficientNet-Lite0", "probe_of_frames", PROBE, False),
    "probe_frame_vit": Row("probe of frames, ViT-S/14", "probe_of_frames", PROBE | VIT, False),
    "fpm": Row("at the joints, EfficientNet-Lite0", "probe_of_joints", PROBE, False),
    "fpm_grid": Row("on a fixed grid", "probe_of_joints", PROBE | {"layer": "features_grid"}, False),
    "fpm_other": Row(
        "at the joints of another clip", "probe_of_joints", PROBE | {"layer": "features_other_clip"}, False
    ),
    "fpm_global": Row("mean of the map", "probe_of_joints", PROBE | {"layer": "features_global"}, False),
    "fpm_vit": Row("at the joints, ViT-S/14", "probe_of_joints", PROBE | VIT, False),
    "hp_none": Row("HP-Net without text", "hp_net", {"model.text": "none"}),
    "hp_net": Row("HP-Net, vectors of the class names", "hp_net"),
    "hp_random": Row("HP-Net, random vectors", "hp_net", {"model.text": "random"}),
    "hp_learned": Row("HP-Net, learned vectors", "hp_net", {"model.text": "learned"}),
    "hp_coordinates": Row("HP-Net, streams see only coordinates", "hp_net_coordinates"),
    "ls_vit": Row("LS-ViT", "ls_vit", LS_VIT),
    "ls_vit_person": Row("LS-ViT on person crops", "ls_vit", LS_VIT | PERSON),
    "ddnet_labelled": Row("DD-Net, labelled joints", "ddnet", {"layer": "labels"}),
    "ctr_gcn_labelled": Row("CTR-GCN, labelled joints", "ctr_gcn", {"layer": "labels"}),
}

FUSIONS = {
    "ls_vit+ddnet": Fusion("LS-ViT + DD-Net", ("ls_vit", "ddnet")),
    "ls_vit+ctr_gcn": Fusion("LS-ViT + CTR-GCN", ("ls_vit", "ctr_gcn")),
    "frame+ddnet": Fusion("probe of frames + DD-Net", ("probe_frame", "ddnet")),
    "frame+ctr_gcn": Fusion("probe of frames + CTR-GCN", ("probe_frame", "ctr_gcn")),
    "frames+ddnet": Fusion("both probes of frames + DD-Net", ("probe_frame", "probe_frame_vit", "ddnet")),
    "hp_net+frame": Fusion("HP-Net + probe of frames", ("hp_net", "probe_frame")),
    "hp_net+ddnet": Fusion("HP-Net + DD-Net", ("hp_net", "ddnet")),
    "fpm+ddnet": Fusion("features at the joints + DD-Net", ("fpm", "ddnet")),
    "landmarks": Fusion("BiGRU + DD-Net + CTR-GCN", ("bigru", "ctr_gcn", "ddnet")),
    "frame+landmarks": Fusion("probe of frames + the mean of BiGRU, DD-Net, CTR-GCN", ("probe_frame", "landmarks")),
    "probes": Fusion("probe of frames + at the joints", ("probe_frame", "fpm")),
    "probes+landmarks": Fusion("the mean of both probes + that of BiGRU, DD-Net, CTR-GCN", ("probes", "landmarks")),
    "ls_vit+landmarks": Fusion("LS-ViT + the mean of BiGRU, DD-Net, CTR-GCN", ("ls_vit", "landmarks")),
    "pictures": Fusion("LS-ViT + probe of frames", ("ls_vit", "probe_frame")),
    "pictures+landmarks": Fusion("the mean of these two + that of BiGRU, DD-Net, CTR-GCN", ("pictures", "landmarks")),
    "both_ls_vit": Fusion("LS-ViT + LS-ViT on person crops", ("ls_vit", "ls_vit_person")),
    "three_pictures": Fusion("LS-ViT, LS-ViT on person crops and probe of frames", ("both_ls_vit", "probe_frame")),
    "three_pictures+landmarks": Fusion(
        "the mean of these three + that of BiGRU, DD-Net, CTR-GCN", ("three_pictures", "landmarks")
    ),
    "everything": Fusion(
        "LS-ViT and probe of frames, HP-Net, the mean of landmarks", ("pictures", "hp_net", "landmarks")
    ),
    "grid+ddnet": Fusion("features on a grid + DD-Net", ("fpm_grid", "ddnet")),
}

SEEDS = "seeds:"  # the name of an ensemble starts with it
ENSEMBLES = {
    SEEDS + row: Ensemble(f"{title}, all seeds together", row)
    for row, title in {
        "ddnet": "DD-Net",
        "landmarks": "BiGRU + DD-Net + CTR-GCN",
        "ls_vit": "LS-ViT",
        "ls_vit+ddnet": "LS-ViT + DD-Net",
        "frame+landmarks": "probe of frames + BiGRU, DD-Net, CTR-GCN",
        "pictures+landmarks": "LS-ViT, probe of frames + BiGRU, DD-Net, CTR-GCN",
    }.items()
}

MAJORITY = "majority"
BLOCKS = (
    Block(
        "Single models",
        (
            *(MAJORITY, "landmark_lstm", "bigru", "ctr_gcn", "ddnet"),
            *("probe_frame_vit", "probe_frame", "ls_vit", "ls_vit_person"),
        ),
        ("ls_vit", "ddnet"),
    ),
    Block("Features of a frozen network", ("fpm", "fpm_grid", "fpm_other", "fpm_global", "fpm_vit"), ("fpm",)),
    Block(
        "HP-Net",
        ("hp_none", "hp_net", "hp_random", "hp_learned", "hp_coordinates"),
        ("hp_none", "frame+ddnet", "ls_vit"),
    ),
    Block("Late fusion", tuple(FUSIONS), ("ls_vit",), over_parts=True),
    Block("Late fusion of all seeds", tuple(ENSEMBLES), ("ls_vit", "ddnet")),
)
LABELLED = Block("Clips with labelled joints", ("ddnet_labelled", "ctr_gcn_labelled", "ddnet", "ctr_gcn"), ("ddnet",))
