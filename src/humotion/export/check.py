"""Whether exported graphs give what the Lightning model gives: on clips of its dataset, or on random inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import default_collate

from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.export.exporter import Difference, Exporter, Run
from humotion.params.document import PARAMS_FILE, load_params
from humotion.training.task import Batch

NUM_CLIPS = 3
SEEDED = "random inputs with seed 0, because no clips of the training's dataset are here"


@dataclass(frozen=True)
class Samples:
    """Inputs for the check: two or more clips, and in words what they are."""

    batch: Batch
    what: str


def samples_of(exporter: Exporter) -> Samples:
    """The first test clips of a model's experiment if they are in this checkout, or else random inputs."""
    real = _test_clips(exporter)
    return Samples(exporter.seeded(), SEEDED) if real is None else real


def _test_clips(exporter: Exporter) -> Samples | None:
    description = exporter.description
    if not PARAMS_FILE.exists() or not (Path("clips") / description.experiment / "test.parquet").exists():
        return None
    model: Any = exporter.task.model
    try:
        data = ClipDataModule(description.experiment, load_params(), model.num_neighbours)
        clips = data.clip_dataset("test")
        found = [clips[row] for row in range(min(NUM_CLIPS, len(clips)))]
    except (HumotionError, OSError):
        return None  # the experiment has another name here, or its frames are not here
    # Complete videos have different lengths. More than a few frames would only take time.
    expected = exporter.seeded()
    parts = [_cut(sample, expected) for sample in found]
    if len(parts) < 2 or any(part is None for part in parts):
        return None  # the experiment has other settings by now
    batch: Batch = default_collate(parts)
    return Samples(batch, f"{len(parts)} test clips of {description.dataset}, experiment {description.experiment}")


def _cut(sample: Mapping[str, Any], expected: Batch) -> dict[str, Any] | None:
    """The tensors of a sample that are expected, in the expected length; None if it does not have them."""
    chosen = {}
    for name, example in expected.items():
        tensor = sample.get(name)
        if name == "clip_index":
            chosen[name] = tensor
            continue
        if tensor is None or tensor.shape[1:] != example.shape[2:] or len(tensor) < example.shape[1]:
            return None
        chosen[name] = tensor[: example.shape[1]]
    return chosen


def batches(exporter: Exporter, samples: Samples, least_time: int | None) -> Iterator[Batch]:
    """The same samples in every form that the graphs accept: together, one alone, and in another length.

    ``least_time`` is the fewest frames that a clip may have; None if it must have those of the training.
    """
    yield samples.batch
    yield {name: tensor[:1] for name, tensor in samples.batch.items()}
    if least_time is not None:
        frames = next(iter(samples.batch.values())).shape[1]
        lengths = {frames - 1, least_time}
        yield from (exporter.shortened(samples.batch, length) for length in lengths if least_time <= length < frames)


def differences(exporter: Exporter, run: Run, samples: Samples, least_time: int | None) -> dict[str, Difference]:
    """The largest difference of each output over all `batches`.

    Raises:
        HumotionError: a difference is above the tolerance of the task.
    """
    found: dict[str, Difference] = {}
    for batch in batches(exporter, samples, least_time):
        for name, one in exporter.differences(run, batch).items():
            found[name] = one.joined(found.get(name, one))
    wrong = {name: one for name, one in found.items() if not one.share <= exporter.tolerance[name]}
    if wrong:
        listed = ", ".join(
            f"{name} by {one.largest:.1e} of {one.value:.1e} (accepted: {exporter.tolerance[name]:g} of it)"
            for name, one in wrong.items()
        )
        raise HumotionError(
            f"The exported model differs from the Lightning model on {samples.what}: {listed}. Nothing was written. "
            "Try another --to, and please report this with the versions of torch and onnxruntime."
        )
    return found
