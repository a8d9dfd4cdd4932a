"""Commands about models, trained or not: predict, compare, models, embed-classes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from humotion.errors import HumotionError

app = typer.Typer()
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Video files, folders of them, folders of frames, or patterns ('clips/**/*.mp4'). With --live, one: the "
        "number of a camera (0 is the first), the address of a stream (rtsp://, http://), or a video file, which is "
        "played at its own speed.",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        help="A model folder, or an MLflow model (models:/ls_vit-hmdb51@champion). "
        "Repeatable. Default: all folders in models/."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="A folder, which gets an annotated copy (.mp4), JSON, and tables of each video. Or, for one video and for "
        "--live, the file of the copy: .mp4, .m4v, .mov, .mkv or .webm; of a picture also .png or .jpg."
    ),
]
LogTo = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Log the predictions to the MLflow store in use, as a run of this name, with a report: how is this "
        "footage unlike that of the training?",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document for programs; with --live, one line per answer.")
]
WINDOWS = "Windows: long videos, and --live"
Every = Annotated[
    float | None,
    typer.Option(min=0.01, help="Seconds between two windows.", show_default="0.5", rich_help_panel=WINDOWS),
]
Seconds = Annotated[
    float | None,
    typer.Option(min=0, help="Only --live: seconds to watch.", show_default="no end", rich_help_panel=WINDOWS),
]
Span = Annotated[
    float | None,
    typer.Option(
        min=0.01, help="Seconds of a window.", show_default="the median training clip", rich_help_panel=WINDOWS
    ),
]
MinConfidence = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Say none below this confidence. 0: never.",
        show_default="the model's own",
        rich_help_panel=WINDOWS,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="Folder of BlazePose's weights, for models of landmarks and of joints.",
        show_default="where `humotion fetch blazepose` puts them",
    ),
]


@app.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs: a list of models.")] = False,
) -> None:
    """List the available models, with parameters, GMACs and shapes at their official sizes."""
    from humotion.models.catalogue import count_models, describe

    counted = list(count_models())
    typer.echo(json.dumps([entry.as_dict() for entry in counted], indent=2) if as_json else describe(counted))


@app.command("embed-classes")
def embed_classes(
    names: Annotated[list[str] | None, typer.Argument(help='Class names: shake_hands "jump rope".')] = None,
    dataset: Annotated[str | None, typer.Option(help="All classes of this dataset, which must be indexed.")] = None,
    out: Annotated[Path, typer.Option(help="The table. Names that it already has stay in it.")] = Path(
        "class_names.safetensors"
    ),
) -> None:
    """Make vectors of class names for models that read text (hp_net). It needs the extra `text`.

    Those of HMDB51, JHMDB and Penn Action come with the package. Set `model.weights` to the table of others.
    """
    from humotion.convert.class_names import embed_classes

    typer.echo(embed_classes(names or [], dataset, out))


@app.command()
def predict(
    sources: Sources,
    model: Models = None,
    out: Out = None,
    as_json: AsJson = False,
    log_to: LogTo = None,
    live: Annotated[bool, typer.Option("--live", help="Say what happens now, until Ctrl-C. See above.")] = False,
    every: Every = None,
    seconds: Seconds = None,
    span: Span = None,
    min_confidence: MinConfidence = None,
    weights: Weights = None,
) -> None:
    """Predict actions and joints in videos. With --out, also draw them into copies.

    A video that is at least twice as long as the model's training clips gets a timeline: windows as long as these
    clips are asked, and an action has a start and an end. Between actions it says "none": nobody is there, or the model
    is less sure than a threshold. Its validation clips above that threshold were right in at least 90 % of cases.

    With --live, look at a camera, a stream or a playing file. A line is printed when the answer changes. Frames for
    which there is no time are dropped, so answers never come later and later. The last lines tell latencies and the
    share of dropped frames. --out FILE.mp4 writes the frames that were looked at, with joints and actions.

    `humotion predict holiday/ --out answers` predicts every video of a folder. `humotion predict 0 --live --model
    models/ddnet` watches the first camera.
    """
    given: dict[str, Any] = {"every": every, "span": span, "min_confidence": min_confidence, "weights": weights}
    given = {name: value for name, value in given.items() if value is not None}
    if not live:
        if seconds is not None:
            raise HumotionError("--seconds is only for --live.")
        from humotion.prediction.predict_videos import predict_videos
        from humotion.prediction.timeline.watch import WindowSettings

        predict_videos(sources, model or [], out, as_json, WindowSettings(**given), _log(log_to))
        return
    if log_to is not None:
        raise HumotionError("--live logs nothing: record the stream to a file, and predict that with --log-to.")
    if len(sources) > 1:
        raise HumotionError(f"--live looks at one source, not at {len(sources)}.")
    from humotion.prediction.live.loop import LiveSettings, predict_live

    if seconds is not None:
        given["seconds"] = seconds
    predict_live(sources[0], model or [], LiveSettings(**given, as_json=as_json, out=out), partial(print, flush=True))


def _log(name: str | None) -> Any:
    """The log of this name; None if none is wanted."""
    if name is None:
        return None
    from humotion.drift.logged import DriftLog

    return DriftLog(name)


@app.command()
def compare(
    experiments: Annotated[
        list[str],
        typer.Argument(
            help="Two or more experiments, evaluated on the same test clips. a+b+c is the mean of three experiments "
            "(one per split or seed). ../other/a is an experiment of another checkout."
        ),
    ],
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables in Markdown.")] = False,
    bootstrap: Annotated[int, typer.Option(min=100, help="Number of resamples of the paired bootstrap.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Compare the test scores of trained models, and show which differences are more than chance.

    `humotion compare vit_1+vit_2+vit_3 ls_vit_1+ls_vit_2+ls_vit_3` compares means over three splits or seeds. Then
    vit_1 and ls_vit_1 must have the same test clips, and so on. The bootstrap draws films from all three together.
    """
    from humotion.comparison.compare import compare as compare_experiments

    typer.echo(compare_experiments(experiments, markdown, bootstrap, seed))
