"""The loaders of an experiment: training by the plan, validation, test and predict by their clips."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import pandas as pd
import torch
from pytorch_lightning import LightningDataModule
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
from humotion.store.skeleton import Skeleton


class ClipDataModule(LightningDataModule):
    """Loaders over ``clips/<name>``, ``plans/<name>`` and the dataset's frame store below ``root``.

    Args:
        name: the experiment's name in params.yaml.
        params: all of params.yaml.
        num_neighbours: raw frames K that the model reads around each sampled one.
        root: the folder that holds the stages' outputs.

    Attributes:
        input: what the model is shown (see `humotion.clips.input`).
        meta: of ``clips/<name>/meta.json``.
        skeleton: the joint set of the dataset, if it has joints.
        store: the frames.

    Raises:
        HumotionError: the stages before have not run, or were run by an older version.
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
        self.store = FrameStore(self.prepared / "frames", self.prepared / "frames.parquet")

    def clips(self, split: str) -> pd.DataFrame:
        """The clips of "train", "val" or "test", each once, as sampled."""
        return read_table(self.clips_folder / f"{split}.parquet")

    def table(self, split: str) -> pd.DataFrame:
        """The rows that ``clip_index`` counts: the balanced plan for "train", the clips of "val" or "test"."""
        return read_table(self.plan_folder / "train.parquet") if split == "train" else self.clips(split)

    def class_counts(self) -> torch.Tensor:
        """Samples of each class in an epoch of the plan, (classes,)."""
        labels = self.table("train")["label_id"].to_numpy(copy=True)
        return torch.bincount(torch.from_numpy(labels), minlength=len(self.meta["classes"]))

    def fields(self, clips: pd.DataFrame) -> pd.DataFrame:
        """What the dataset tells of the video of each clip besides its label (columns ``field_*``), row by row."""
        videos = pd.read_parquet(self.prepared / "videos.parquet").set_index("video_id")
        told = videos[[column for column in videos.columns if column.startswith("field_")]]
        return told.loc[clips["video_id"]].reset_index(drop=True)

    def raw_path(self, dataset_root: Path, split: str) -> Path:
        """The video file, or folder of frames, of the first clip of a split."""
        videos = pd.read_parquet(self.prepared / "videos.parquet", columns=["video_id", "path"])
        first = self.clips(split)["video_id"].iloc[0]
        return dataset_root / str(videos.set_index("video_id").loc[first, "path"])

    def dataset(self, split: str) -> ClipDataset:
        """The samples of "train" (augmented), "val" or "test"."""
        if split != "train":
            return self.clip_dataset(split)
        policy = Policy.load(self.plan_folder / "policy.json")
        shown = self.input.make(self.experiment.augment, self.skeleton, policy)
        return ClipDataset(self.table(split), self.store, shown, self.num_neighbours)

    def clip_dataset(self, split: str, variant: Variant = AS_SAMPLED) -> ClipDataset:
        """Every clip of "train", "val" or "test" once, as evaluation sees it, or in a ``variant`` of that."""
        shown = self.input.make(self.experiment.augment, self.skeleton, place=variant.place)
        return ClipDataset(self.clips(split), self.store, shown, self.num_neighbours, variant)

    def train_dataloader(self) -> DataLoader[Sample]:
        """Augmented training clips, in an order drawn anew each epoch."""
        dataset = self.dataset("train")
        world_size, rank = self._world()
        per_device = self._device_batch_size(world_size)
        self.sampler = EpochSampler(dataset, world_size, rank, per_device * world_size, self.experiment.seed)
        self.sampler.set_epoch(self._first_epoch())
        return self.loader(dataset, per_device, self.sampler)

    def share_of_batch(self, batch_idx: int) -> tuple[int, int]:
        """How many samples of a training batch count, of this device's and of all."""
        return self.sampler.counts(batch_idx)

    def val_dataloader(self) -> DataLoader[Sample]:
        """Validation clips in the order of their table, dealt out to the devices; a whole video is a batch alone."""
        world_size, rank = self._world()
        dataset = self.clip_dataset("val")
        sampler = InTurn(dataset, world_size, rank) if world_size > 1 else None
        return self.loader(dataset, self._evaluated_at_once(), sampler)

    def test_dataloader(self) -> DataLoader[Sample]:
        """Test clips in the order of their table; a whole video is a batch alone."""
        return self.evaluation_dataloader("test")

    def predict_dataloader(self) -> DataLoader[Sample]:
        """The test clips."""
        return self.evaluation_dataloader("test")

    def evaluation_dataloader(self, split: str, variant: Variant = AS_SAMPLED) -> DataLoader[Sample]:
        """The clips of "train", "val" or "test" once, not augmented, in the order of their table."""
        return self.loader(self.clip_dataset(split, variant), self._evaluated_at_once())

    def loader(self, dataset: Dataset[Sample], batch_size: int | None, sampler: Any = None) -> DataLoader[Sample]:
        """A loader over samples with this machine's worker processes; None as batch size: samples as they are."""
        return DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            worker_init_fn=single_threaded,
            pin_memory=torch.cuda.is_available(),
        )

    def _evaluated_at_once(self) -> int:
        """Clips in a batch that is not trained on: one, if they are whole videos of different lengths."""
        are_whole = isinstance(self.experiment.clips, WindowClipParams)
        return 1 if are_whole else self._device_batch_size(self._world()[0])

    def _world(self) -> tuple[int, int]:
        return (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)

    def _device_batch_size(self, world_size: int) -> int:
        batch_size = self.experiment.trainer.batch_size
        if batch_size % world_size:
            raise HumotionError(
                f"trainer.batch_size is {batch_size}, to be shared out over {world_size} devices; "
                "make it a multiple of them."
            )
        return batch_size // world_size

    def _first_epoch(self) -> int:
        # On resuming, Lightning starts the iterator before it tells the sampler the epoch.
        if self.trainer is None:
            return 0
        return self.trainer.fit_loop.epoch_progress.current.processed  # type: ignore[attr-defined]


def skeleton_of_clips(meta: Mapping[str, Any]) -> Skeleton | None:
    """The joint set that the meta.json of an experiment's clips holds, None if the dataset has no joints.

    Raises:
        HumotionError: it was written by an older version, which kept a name alone.
    """
    facts = meta["skeleton"]
    if isinstance(facts, str):
        raise HumotionError("clips/ was made by an older version of humotion: run `dvc repro`, which makes it again.")
    return None if facts is None else Skeleton.from_dict(facts)


def single_threaded(worker: int) -> None:
    """Set up a loader worker."""
    cv2.setNumThreads(0)  # the workers are the parallelism; OpenCV's threads would fight over the cores
