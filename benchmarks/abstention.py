"""How honest is "none"? Train on all recordings of landmarks but one class, and show the models that class."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from humotion.checkout.recipe_files import read_recipe
from humotion.clips.datamodule import ClipDataModule
from humotion.datasets.landmarks import class_of
from humotion.figures.tables import markdown_table
from humotion.files import write_json
from humotion.params.document import Params
from humotion.prediction.live.window import WindowVideo
from humotion.prediction.predictor import Predictor, VideoFile, load_predictor
from humotion.stages import augment, extract, index, sample, train

DESCRIPTION = """\
The recipe `landmarks` is trained once per class of the recordings, without that class. Every window of the class that
was left out should be answered by "none". The table has the share of windows for which that is so, next to what the
threshold is worth on the test windows of the classes of the training. Nothing of your checkout is changed.

  python -m benchmarks.abstention --recordings /path/to/landmarks
"""
RECIPE = Path(__file__).parents[1] / "recipes"
EXPERIMENTS = ("landmark_lstm", "ddnet")


class Row(NamedTuple):
    """What a model without a class says.

    Attributes:
        unseen: the class that was left out.
        model: the experiment.
        threshold: confidence from which on it answers; None if it never does.
        coverage: share of the test windows of the other classes that are answered.
        accuracy: share of right answers among them; None if there are none.
        num_unseen: windows of the class that was left out.
        none: the share of them that are answered by none.
        always: the share of their most frequent answer if the model had no threshold, and its name.
    """

    unseen: str
    model: str
    threshold: float | None
    coverage: float
    accuracy: float | None
    num_unseen: int
    none: float
    always: tuple[float, str]


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, train, and print the table."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, required=True, help="the folder: <class>.txt, or <class>/*.txt")
    parser.add_argument("--experiments", nargs="+", default=list(EXPERIMENTS), help="of the recipe (%(default)s)")
    parser.add_argument("--epochs", type=int, help="epochs of each training (as in the recipe)")
    options = parser.parse_args(arguments)
    root = options.recordings.resolve()
    files = sorted(path for path in root.rglob("*.txt") if len(path.relative_to(root).parts) <= 2)
    classes = sorted({class_of(path.relative_to(root).as_posix()) for path in files})
    rows: list[Row] = []
    for unseen in classes:
        with _checkout() as folder:
            shown = [path for path in files if class_of(path.relative_to(root).as_posix()) == unseen]
            for path in set(files) - set(shown):
                copied = folder / "raw" / path.relative_to(root)
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copied)
            params = _settings(options.experiments, options.epochs)
            index.run("landmarks", params)
            extract.run("landmarks", params)
            for name in options.experiments:
                for stage in (sample, augment, train):
                    stage.run(name, params)
                rows.append(row_of(unseen, name, params, shown))
    print(table(rows))


@contextlib.contextmanager
def _checkout() -> Iterator[Path]:
    """A folder in which stages can run, with a tracking store of its own; it is the working directory in the block."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder = Path(name)
        for file in ("dvc.yaml", "params.yaml"):
            write_json(folder / file, {})
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
        try:
            yield folder
        finally:
            os.environ.pop("MLFLOW_TRACKING_URI")
            if before is not None:
                os.environ["MLFLOW_TRACKING_URI"] = before


def _settings(experiments: Sequence[str], epochs: int | None) -> Params:
    recipe: Any = read_recipe("landmarks", RECIPE)
    recipe["datasets"]["landmarks"]["root"] = "raw"
    chosen = {name: recipe["experiments"][name] for name in experiments}
    for experiment in chosen.values():
        experiment["trainer"]["epochs"] = epochs or experiment["trainer"]["epochs"]
    return Params.model_validate({"datasets": recipe["datasets"], "layers": {}, "experiments": chosen})


def row_of(unseen: str, name: str, params: Params, recordings: Sequence[Path]) -> Row:
    """What a trained model says of its test windows, and of all windows of the recordings of another class."""
    predictor = load_predictor(Path("models") / name)
    rule = predictor.description.abstention
    data = ClipDataModule(name, params)
    says, labels = [], data.clips("test")["label"].tolist()
    for clip in data.clips("test").itertuples():
        video = data.store[clip.video_id]
        window = {key: array[:, clip.frame_indices] for key, array in video.annotation.items()}
        says.append(predictor.verdict([_video(window, video.height, video.width)]).label)
    answered = [(said, label) for said, label in zip(says, labels, strict=True) if said is not None]
    verdicts = [predictor.verdict([window]) for path in recordings for window in windows(predictor, path)]
    guesses, counts = np.unique([one.guess for one in verdicts if one.guess is not None], return_counts=True)
    return Row(
        *(unseen, name, rule["threshold"], len(answered) / len(labels)),
        float(np.mean([said == label for said, label in answered])) if answered else None,
        len(verdicts),
        float(np.mean([one.label is None for one in verdicts])),
        (float(counts.max() / counts.sum()), str(guesses[counts.argmax()])),
    )


def windows(predictor: Predictor, path: Path) -> Iterator[WindowVideo]:
    """Every window of a recording, as long as those of the training."""
    video, length = VideoFile(path), predictor.description.preprocessing["num_frames"]
    for start in range(video.num_frames - length + 1):
        arrays = {key: array[:, start : start + length] for key, array in video.annotation.items()}
        yield _video(arrays, video.height, video.width)


def _video(arrays: dict[str, Any], height: int, width: int) -> WindowVideo:
    frames = [np.zeros((height, width, 3), np.uint8)] * arrays["found"].shape[1]  # the models see no pixels
    return WindowVideo(frames, 30.0, arrays)


def table(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    header = (
        *("left out", "model", "threshold", "other classes: answered", "and right"),
        *("left-out class: windows", "none", "without a threshold"),
    )
    return markdown_table(
        header,
        [
            [
                *(row.unseen, row.model, "" if row.threshold is None else f"{row.threshold:.3f}"),
                *(f"{row.coverage:.1%}", "" if row.accuracy is None else f"{row.accuracy:.1%}"),
                *(row.num_unseen, f"{row.none:.1%}", f"{row.always[0]:.1%} {row.always[1]}"),
            ]
            for row in rows
        ],
    )


if __name__ == "__main__":
    main()
