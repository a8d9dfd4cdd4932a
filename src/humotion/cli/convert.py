"""`humotion convert lstm-pm FILE` and `humotion convert openpose-mobilenet FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="convert", no_args_is_help=True, help="Convert published weights of other programs to model folders."
)


@app.callback()
def convert() -> None:
    """Convert published weights of other programs to model folders."""


@app.command("lstm-pm")
def lstm_pm(
    file: Annotated[Path, typer.Argument(help="The .caffemodel file that the authors of LSTM Pose Machines publish.")],
    skeleton: Annotated[
        str, typer.Option(help="The dataset whose joints it predicts: penn_action or jhmdb.")
    ] = "penn_action",
    out: Annotated[Path | None, typer.Option(help="The new model folder. Default: models/official_SKELETON.")] = None,
    size: Annotated[
        int, typer.Option(help="Side of the crops in pixels, a multiple of 8. The published size is 368.")
    ] = 368,
) -> None:
    """Convert the official LSTM Pose Machine to a model folder. A file that differs in any layer is refused.

    Use the folder with `humotion predict --model`. To train further, set `model.weights` to its model.safetensors.
    """
    from humotion.convert.model_folder import convert_lstm_pm

    typer.echo(convert_lstm_pm(file, skeleton, out, size))


@app.command("openpose-mobilenet")
def openpose_mobilenet(
    file: Annotated[
        Path, typer.Argument(help="graph_opt.pb of mobilenet_v2_small, which tf-pose-estimation publishes.")
    ],
    out: Annotated[Path | None, typer.Option(help="The new model folder. Default: models/openpose_mobilenet.")] = None,
    size: Annotated[
        int, typer.Option(help="Side of the square pictures that it sees in pixels, a multiple of 16.")
    ] = 656,
) -> None:
    """Convert a small public OpenPose network to a model folder: all people in a picture, with COCO's 17 joints.

    TensorFlow is not needed. Use the folder with `humotion predict --model`, or set `model.weights` to its
    model.safetensors to train it further.
    """
    from humotion.convert.openpose_mobilenet import convert_openpose_mobilenet

    typer.echo(convert_openpose_mobilenet(file, out, size))
