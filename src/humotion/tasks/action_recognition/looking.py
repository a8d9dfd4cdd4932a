"""What a ViT looks at in a video: motion, attention and gates, with the figures of the evaluation.

In a video that has a timeline, they are of the window around the moment of which the model was most sure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion.clips.sampling import consecutive_windows, uniform
from humotion.figures.overlay import write_video
from humotion.prediction.live.window import Window, WindowVideo, timing_of
from humotion.prediction.looks import Look
from humotion.prediction.predictor import Answer, Predictor, Video, VideoFile
from humotion.prediction.video_file import USUAL_FPS
from humotion.tasks.action_recognition.evaluation.clip_maps import has_clip_maps
from humotion.tasks.action_recognition.evaluation.motion import heat_maps, pace, see
from humotion.tasks.action_recognition.evaluation.motion_figures import draw_maps, plot_maps
from humotion.tasks.action_recognition.predictor import ActionPredictor

_TITLE = "What the network looks at"
_KINDS = {
    "motion (SMIF)": "Motion is how much each place changes between frames, which LS-ViT adds to the picture.",
    "attention (rollout)": "Attention is how much each patch counts in what the network makes of its frame.",
    "gates (LMI)": "Gates are how much motion changes each patch inside LS-ViT.",
}


def look_of(predictor: Predictor, video: VideoFile, answer: Answer, folder: Path) -> Look | None:
    """See `humotion.prediction.looks.look_of`."""
    if not isinstance(predictor, ActionPredictor) or not has_clip_maps(predictor.task.model):
        return None
    shown, numbers = _most_telling(predictor, video, answer)
    name = predictor.description.experiment
    settings, length = predictor.description.preprocessing, predictor.description.preprocessing["num_frames"]
    seen = predictor.seen(shown)
    if settings.get("sampling") == "windows":
        clips = consecutive_windows(shown.num_frames, length, length)
        clip = clips[len(clips) // 2]
    else:
        clip = uniform(shown.num_frames, length)
    batch = predictor.batch_of(seen, clip)
    real = ~batch["is_padding"][0]
    frames = batch["frames"][0][real]  # (T, K, 3, S, S)
    pictures = frames[:, frames.shape[1] // 2].permute(0, 2, 3, 1).numpy()
    maps = heat_maps(see(predictor.task, batch).select(0, real))
    at = clip.frame_indices[real.numpy()]
    figure, film = folder / f"{name}.network.png", folder / f"{name}.network.mp4"
    plot_maps(figure, pictures, numbers[at].tolist(), maps, f"{name}: frames, and what the network sees in them")
    speed = (video.fps or USUAL_FPS) / pace(numbers[at])
    write_video(film, draw_maps(pictures, maps, (f"{name}, frames {numbers[at[0]]} to {numbers[at[-1]]}",)), speed)
    return Look(_TITLE, " ".join(_KINDS[one.name] for one in maps), film, [figure])


def _most_telling(
    predictor: ActionPredictor, video: VideoFile, answer: Answer
) -> tuple[Video, npt.NDArray[np.integer[Any]]]:
    """What the model was shown, and the number of each of its frames in the video.

    It is the complete video, or the window around the moment of a timeline at which an action is most probable.
    """
    whole = video, np.arange(video.num_frames)
    if "timeline" not in answer.values:
        return whole
    line, times = answer.values["timeline"], np.array(video.shown_at)
    best = [-1.0 if one is None else max(one.values()) for one in line["probabilities"]]
    moment = int(np.argmax(best))
    middle = (line["edges"][moment] + line["edges"][moment + 1]) / 2
    timing = timing_of(predictor.description, line["window_seconds"])
    start = float(np.clip(middle - timing.seconds / 2, 0, max(0.0, times[-1] - timing.seconds)))
    window = Window(timing, least=1)
    for time, pixels in zip(times.tolist(), video, strict=True):
        if time > start + timing.seconds + 0.5 / timing.fps:
            break
        if time >= start - 0.5 / timing.fps:
            window.add(time, pixels)
    found = window.video()
    if not isinstance(found, WindowVideo):
        return whole
    wanted = start + np.arange(found.num_frames) / timing.fps
    return found, np.abs(times[None] - wanted[:, None]).argmin(axis=1)
