from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from humotion.clips.datamodule import ClipDataModule
from humotion.stages import augment, sample
from tests.support.prepared import make_params


@pytest.fixture
def sampled(project: Path) -> Path:
    for name in ("action", "pose"):
        sample.run(name, make_params(balance="oversample"))
        augment.run(name, make_params(balance="oversample"))
    return project


def draw(name: str, workers: int, epochs: int) -> list[list[dict[str, torch.Tensor]]]:
    """The batches of each epoch, from one loader, as Lightning iterates it."""
    loader = ClipDataModule(name, make_params(workers), num_neighbours=3).train_dataloader()
    drawn = []
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        drawn.append(list(loader))
    return drawn


@pytest.mark.parametrize("name", ["action", "pose"])
def test_batches_do_not_depend_on_the_number_of_workers(name: str, sampled: Path) -> None:
    alone = draw(name, 0, epochs=2)
    for workers in (1, 2):
        for one, other in zip(alone, draw(name, workers, epochs=2), strict=True):
            assert len(one) == len(other)
            for batch, same in zip(one, other, strict=True):
                assert batch.keys() == same.keys()
                assert all(torch.equal(batch[key], same[key]) for key in batch)


def test_epochs_differ_in_order_and_in_augmentation(sampled: Path) -> None:
    epochs = []
    for batches in draw("action", 0, epochs=2):
        indices = torch.cat([batch["clip_index"] for batch in batches])
        frames = torch.cat([batch["frames"] for batch in batches])
        epochs.append((indices, frames[indices.argsort()]))
    (first, first_frames), (second, second_frames) = epochs
    assert sorted(first) == sorted(second) == list(range(len(first)))
    assert not torch.equal(first, second)
    same = [torch.equal(one, other) for one, other in zip(first_frames, second_frames, strict=True)]
    assert not any(same)


def test_replicas_of_a_clip_differ_within_an_epoch(sampled: Path) -> None:
    module = ClipDataModule("action", make_params())
    plan = module.table("train")
    one, other = plan.index[plan["clip_id"] == plan.loc[plan["replica"] == 1, "clip_id"].iloc[0]][:2]
    dataset = module.dataset("train")
    assert not torch.equal(dataset[one]["frames"], dataset[other]["frames"])


def test_batch_contract_of_actions(sampled: Path) -> None:
    module = ClipDataModule("action", make_params(), num_neighbours=3)
    for loader in (module.train_dataloader(), module.val_dataloader(), module.test_dataloader()):
        batch = next(iter(loader))
        size = len(batch["label"])
        assert batch["frames"].shape == (size, 4, 3, 3, 32, 32)
        assert batch["frames"].dtype == torch.uint8
        assert batch["is_padding"].shape == (size, 4)
        assert batch["is_padding"].dtype == torch.bool
        assert batch["label"].dtype == batch["clip_index"].dtype == torch.int64


def test_batch_contract_of_poses(sampled: Path) -> None:
    module = ClipDataModule("pose", make_params())
    batch = next(iter(module.train_dataloader()))
    assert {key: (tuple(value.shape), value.dtype) for key, value in batch.items()} == {
        "frames": ((4, 5, 1, 3, 32, 32), torch.uint8),
        "is_padding": ((4, 5), torch.bool),
        "joints": ((4, 5, 13, 2), torch.float32),
        "visibility": ((4, 5, 13), torch.uint8),
        "box": ((4, 5, 4), torch.float32),
        "crop": ((4, 5, 3), torch.float32),
        "label": ((4,), torch.int64),
        "clip_index": ((4,), torch.int64),
    }
    clips = module.table("test")
    for number, batch in enumerate(module.test_dataloader()):
        row = clips.iloc[int(batch["clip_index"])]
        assert int(batch["clip_index"]) == number
        video = module.store[row["video_id"]]
        assert batch["frames"].shape[:2] == (1, video.num_frames)
        crop = batch["crop"][0, :, None]
        torch.testing.assert_close(
            batch["joints"][0] * crop[..., 2:] + crop[..., :2], torch.tensor(video.joints[0]), atol=1e-3, rtol=0
        )


class Recorder(pl.LightningModule):
    """Trains one weight and keeps what each epoch was fed."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.fed: dict[int, list[Any]] = {}

    def training_step(self, batch: dict[str, torch.Tensor], _: int) -> torch.Tensor:
        fed = (batch["clip_index"].tolist(), int(batch["frames"].long().sum()))
        self.fed.setdefault(self.current_epoch, []).append(fed)
        return self.layer(torch.ones(1, 1)).sum()

    def validation_step(self, batch: dict[str, torch.Tensor], _: int) -> None:
        self.log("score", 1.0, batch_size=1)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(workers: int, epochs: int, folder: Path, resume: Path | None = None, at_end: bool = False) -> Recorder:
    recorder = Recorder()
    checkpoint = ModelCheckpoint(
        folder, save_last=True, save_top_k=-1, filename="{epoch}", save_on_train_epoch_end=at_end
    )
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        callbacks=[checkpoint],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(recorder, datamodule=ClipDataModule("action", make_params(workers)), ckpt_path=resume)
    return recorder


@pytest.mark.parametrize("at_end", [True, False])
def test_resumed_training_is_fed_the_same_batches(at_end: bool, sampled: Path, tmp_path: Path) -> None:
    """Checkpoints written at the end of an epoch and those written by validation within it,
    resumed with workers, which draw ahead."""
    whole = fit(0, 3, tmp_path / "whole", at_end=at_end)
    assert len({tuple(map(str, epoch)) for epoch in whole.fed.values()}) == 3
    for done in (1, 2):
        checkpoint = tmp_path / "whole" / f"epoch={done - 1}.ckpt"
        resumed = fit(2, 3, tmp_path / f"resumed{done}", checkpoint, at_end=at_end)
        assert resumed.fed == {epoch: whole.fed[epoch] for epoch in range(done, 3)}
