"""The loaders of an experiment: the plan for training, and the clips for validation, test and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import pandas as pd
import torch
from pytorch_lightning import LightningDataModule
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader, Dataset

from humotion.clips.augment import Policy
from humotion.clips.dataset import ClipDataset
from humotion.clips.input import Sample, load_input
from humotion.clips.samplers import EpochSampler, InTurn
from humotion.clips.table import read_table
from humotion.clips.variants import AS_SAMPLED, Variant
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import Params
from humotion.params.experiment import WindowClipParams
from humotion.store.frames import FrameStore
from humotion.store.layers import folder_of_layer
from humotion.store.skeleton import Skeleton
from humotion.system import signals

SMALLEST_PART = 4
"""With batch norm, a last batch must have this part of a full one: two clips of 32 have undone a whole epoch."""


class ClipDataModule(LightningDataModule):
    """Loaders for ``clips/<name>``, ``plans/<name>`` and the dataset's frame store below ``root``.

    Args:
        name: the experiment's name in params.yaml.
        params: all of params.yaml.
        num_neighbours: raw frames K that the model reads around each sampled one.
        root: the folder with the stages' outputs.

    Attributes:
        input: what the model sees (see `humotion.clips.input`).
        meta: content of ``clips/<name>/meta.json``.
        skeleton: the joint set of the dataset, if it has joints.
        store: the frames, with the annotation of the experiment's layer.

    Raises:
        HumotionError: the previous stages have not run, or an older version ran them.
    """

    def __init__(self, name: str, params: Params, num_neighbours: int = 1, root: Path = Path()) -> None:
        super().__init__()
        self.experiment = params.experiment(name)
        self.input = load_input(self.experiment.input)
        self.num_neighbours = num_neighbours
        self.num_workers = params.machine.num_workers
        self.clips_folder = root / "clips" / name
        self.plan_folder = root / "plans" / name
        self.meta: dict[str, Any] = read_json(self.clips_folder / "meta.json")
        self.skeleton = skeleton_of_clips(self.meta)
        self.prepared = root / "prepared" / self.experiment.dataset
        layer = root / folder_of_layer(self.experiment.dataset, self.experiment.layer)
        self.store = FrameStore(self.prepared / "frames", self.prepared / "frames.parquet", layer)

    def clips(self, split: str) -> pd.DataFrame:
        """Return the clips of "train", "val" or "test", each once, as sampled."""
        return read_table(self.clips_folder / f"{split}.parquet")

    def table(self, split: str) -> pd.DataFrame:
        """Return the rows that ``clip_index`` refers to: the balanced plan for "train", or the clips of a split."""
        return read_table(self.plan_folder / "train.parquet") if split == "train" else self.clips(split)

    def class_counts(self) -> torch.Tensor:
        """Number of samples (classes,) per class in an epoch of the plan."""
        labels = self.table("train")["label_id"].to_numpy(copy=True)
        return torch.bincount(torch.from_numpy(labels), minlength=len(self.meta["classes"]))

    def fields(self, clips: pd.DataFrame) -> pd.DataFrame:
        """Return the dataset's additional fields of each clip's video (columns ``field_*``), row by row."""
        videos = pd.read_parquet(self.prepared / "videos.parquet").set_index("video_id")
        told = videos[[column for column in videos.columns if column.startswith("field_")]]
        return told.loc[clips["video_id"]].reset_index(drop=True)

    def raw_path(self, dataset_root: Path, split: str) -> Path:
        """Return the video file, or the folder of frames, of the first clip of a split."""
        videos = pd.read_parquet(self.prepared / "videos.parquet", columns=["video_id", "path"])
        first = self.clips(split)["video_id"].iloc[0]
        return dataset_root / str(videos.set_index("video_id").loc[first, "path"])

    def dataset(self, split: str) -> ClipDataset:
        """Return the samples of "train" (augmented), "val" or "test"."""
        if split != "train":
            return self.clip_dataset(split)
        policy = Policy.load(self.plan_folder / "policy.json")
        shown = self.input.make(self.experiment.augment, self.skeleton, policy)
        return ClipDataset(self.table(split), self.store, shown, self.num_neighbours)

    def clip_dataset(self, split: str, variant: Variant = AS_SAMPLED) -> ClipDataset:
        """Return every clip of "train", "val" or "test" once, as evaluation shows it, or in a ``variant`` of that."""
        shown = self.input.make(self.experiment.augment, self.skeleton, place=variant.place)
        return ClipDataset(self.clips(split), self.store, shown, self.num_neighbours, variant)

    def train_dataloader(self) -> DataLoader[Sample]:
        """Load augmented training clips, in a new random order in each epoch."""
        dataset = self.dataset("train")
        world_size, rank = self._world()
        per_device = self._device_batch_size(world_size)
        batch_size = per_device * world_size
        smallest = 1
        if self.trainer and has_batch_norm(self.trainer.lightning_module):
            smallest = max(2 * world_size, batch_size // SMALLEST_PART)
            if min(batch_size, len(dataset)) < smallest:
                raise HumotionError(
                    "The model has batch norm, which compares the clips of a batch, so each device needs at least 2: "
                    f"trainer.batch_size is {batch_size}, on {world_size} devices, for {len(dataset)} clips."
                )
        self.sampler = EpochSampler(dataset, world_size, rank, batch_size, self.experiment.seed, smallest)
        self.sampler.set_epoch(self._first_epoch())
        return self.loader(dataset, per_device, self.sampler)

    def share_of_batch(self, batch_idx: int) -> tuple[int, int]:
        """Return how many samples of a training batch count: on this device, and on all devices."""
        return self.sampler.counts(batch_idx)

    def val_dataloader(self) -> DataLoader[Sample]:
        """Load validation clips in the order of their table, in turn on each device; a complete video is one batch."""
        world_size, rank = self._world()
        dataset = self.clip_dataset("val")
        sampler = InTurn(dataset, world_size, rank) if world_size > 1 else None
        return self.loader(dataset, self._evaluated_at_once(), sampler)

    def test_dataloader(self) -> DataLoader[Sample]:
        """Load test clips in the order of their table; a complete video is one batch."""
        return self.evaluation_dataloader("test")

    def predict_dataloader(self) -> DataLoader[Sample]:
        """Load the test clips."""
        return self.evaluation_dataloader("test")

    def evaluation_dataloader(self, split: str, variant: Variant = AS_SAMPLED) -> DataLoader[Sample]:
        """Load the clips of "train", "val" or "test" once, not augmented, in the order of their table."""
        return self.loader(self.clip_dataset(split, variant), self._evaluated_at_once())

    def loader(self, dataset: Dataset[Sample], batch_size: int | None, sampler: Any = None) -> DataLoader[Sample]:
        """Return a loader with this machine's worker processes; with batch size None, samples are not batched."""
        return Loader(
            dataset,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            worker_init_fn=set_up_worker,
            pin_memory=torch.cuda.is_available(),
        )

    def _evaluated_at_once(self) -> int:
        """Clips in a batch without training: one, if clips are complete videos of different lengths."""
        are_whole = isinstance(self.experiment.clips, WindowClipParams)
        return 1 if are_whole else self._device_batch_size(self._world()[0])

    def _world(self) -> tuple[int, int]:
        return (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)

    def _device_batch_size(self, world_size: int) -> int:
        return device_batch_size(self.experiment.trainer.batch_size, world_size)

    def _first_epoch(self) -> int:
        # When training resumes, Lightning starts the iterator before it sets the sampler's epoch.
        if self.trainer is None:
            return 0
        return self.trainer.fit_loop.epoch_progress.current.processed  # type: ignore[attr-defined]


class Loader(DataLoader[Sample]):
    """A loader whose worker processes leave Ctrl-C, SIGTERM and SIGHUP to their parent, from their first moment on."""

    def __iter__(self) -> Any:
        """Start the workers, or use those of the epoch before."""
        with signals.held_back(), signals.starting_workers():  # half an iterator cannot be removed
            return super().__iter__()


def has_batch_norm(model: torch.nn.Module) -> bool:
    """Return whether a model has layers that normalise by the clips of a batch, so that it cannot learn from a few."""
    return any(isinstance(module, _BatchNorm) for module in model.modules())


def device_batch_size(batch_size: int, world_size: int) -> int:
    """Return the clips of a batch that each device gets.

    Raises:
        HumotionError: the devices cannot share them equally.
    """
    if batch_size % world_size:
        raise HumotionError(
            f"trainer.batch_size is {batch_size}, and training uses {world_size} devices. "
            "Choose a multiple of the number of devices."
        )
    return batch_size // world_size


def skeleton_of_clips(meta: Mapping[str, Any]) -> Skeleton | None:
    """Return the joint set in the meta.json of an experiment's clips, None if the dataset has no joints.

    Raises:
        HumotionError: an older version, which stored only a name, wrote the file.
    """
    facts = meta["skeleton"]
    if isinstance(facts, str):
        raise HumotionError("An older version of humotion made clips/. Run `dvc repro`, which creates it again.")
    return None if facts is None else Skeleton.from_dict(facts)


def set_up_worker(worker: int) -> None:
    """Set up a loader worker: it has one thread, and ends with its parent."""
    signals.obey_only_the_parent()
    cv2.setNumThreads(0)  # the workers already run in parallel; OpenCV's threads would compete for the cores
