"""`humotion compare` on per-clip scores written as `evaluate` writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from humotion.cli.main import app
from humotion.comparison.clips import read_clips
from humotion.comparison.compare import compare, differences, part_scores, scores
from humotion.errors import HumotionError
from humotion.files import write_json
from humotion.tasks.action_recognition.evaluation.assessment import direction_of

NUM_CLIPS = 40


def table(shift: float = 0.0, shake: float = 0.1, seed: int = 0) -> pd.DataFrame:
    """40 clips of 10 groups: PCK that ``shift`` raises everywhere, jitter, and a clip with nothing occluded."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(0.2, 0.7, NUM_CLIPS)
    rows = []
    for clip in range(NUM_CLIPS):
        identity = (f"clip{clip:02d}", f"film{clip // 4}")
        rows.append((*identity, "pck_0.2", base[clip] + shift, 10.0 + clip, "higher"))
        rows.append((*identity, "pck_occluded_0.2", base[clip] if clip else np.nan, float(clip > 0), "higher"))
        rows.append((*identity, "jitter", shake * (1 + base[clip]), 100.0, "lower"))
        rows.append((*identity, "acceleration", base[clip] * shake, 100.0, "neither"))
    return pd.DataFrame(rows, columns=["clip_id", "group", "metric", "score", "weight", "direction"])


def write(name: str, clips: pd.DataFrame) -> None:
    folder = Path("reports") / name
    folder.mkdir(parents=True)
    clips.to_parquet(folder / "clips.parquet", index=False)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("first", table())
    write("better", table(shift=0.1, shake=0.05).sample(frac=1, random_state=0))  # in any order
    write("same", table(seed=0))


def test_scores_are_weighted_means() -> None:
    found = scores(read_clips(["first", "better"]), ["first", "better"]).set_index("metric")
    clips = table()
    pck = clips[clips["metric"] == "pck_0.2"]
    expected = np.average(pck["score"], weights=pck["weight"])
    assert float(found.loc["pck_0.2", "first"]) == pytest.approx(expected, abs=1e-4)
    assert float(found.loc["pck_0.2", "better"]) == pytest.approx(expected + 0.1, abs=2e-4)
    assert found.loc["pck_occluded_0.2", "first"] != "nan"
    assert list(found.index) == ["pck_0.2", "pck_occluded_0.2", "jitter", "acceleration"]


def test_verdicts_know_which_way_is_better() -> None:
    names = ["first", "better", "same"]
    found = differences(read_clips(names), names, 200, seed=0).set_index(["pair", "metric"])["verdict"]
    assert found["better - first", "pck_0.2"] == "better is better"
    assert found["better - first", "jitter"] == "better is better"  # less of it
    assert found["same - better", "jitter"] == "better is better"
    assert found["better - first", "pck_occluded_0.2"] == "not distinguishable"
    assert found["same - first", "pck_0.2"] == "not distinguishable"
    assert "acceleration" not in found.index.get_level_values("metric")
    assert len(found) == 9


def test_clips_without_their_order_and_peers_are_shown_and_not_judged() -> None:
    variants = ("top1", "top1_2x3", "top1_reversed", "top5_shuffled", "top1_linear_probe")
    names = ["one", "other"]
    for name, clips in zip(names, (table(), table(shift=0.1)), strict=True):
        shown = clips[clips["metric"] == "pck_0.2"]
        directions = {variant: direction_of(variant, ["linear_probe"]) for variant in variants}
        write(name, pd.concat([shown.assign(metric=key, direction=found) for key, found in directions.items()]))
    assert set(scores(read_clips(names), names)["metric"]) == set(variants)
    assert set(differences(read_clips(names), names, 100, seed=0)["metric"]) == {"top1", "top1_2x3"}


def test_groups_that_agree_widen_the_interval_that_the_verdict_rests_on() -> None:
    clips = table()
    film = clips["group"].str.removeprefix("film").astype(int)
    won = clips.assign(score=clips["score"] + np.where(film < 7, 0.1, -0.08))  # whole films are won or lost
    write("films", won)
    row = differences(read_clips(["first", "films"]), ["first", "films"], 1000, seed=0).iloc[0]
    low_groups, low_clips = (float(row[column].split()[0]) for column in ("over groups", "over clips"))
    assert low_groups < 0 < float(row["difference"])
    assert low_clips > low_groups + 0.01
    assert row["verdict"] == "not distinguishable"


def test_other_clips_metrics_or_labels_are_refused() -> None:
    clips = table()
    write("fewer", clips[clips["clip_id"] != "clip07"])
    write("actions", clips.assign(metric=clips["metric"].map("action_{}".format)))
    write("older", clips.drop(columns="direction"))
    write("relabelled", clips.assign(weight=clips["weight"] + (clips["clip_id"] == "clip03")))
    for other, reason in (
        ("fewer", "different test clips .clip07 only in first, none only in fewer"),
        ("actions", "no metric in common"),
        ("relabelled", "the labels behind clip03 differ"),
        ("absent", "is not evaluated"),
        ("older", "earlier version"),
    ):
        with pytest.raises(HumotionError, match=reason):
            read_clips(["first", other])
    for names in (["first"], ["first", "first"]):
        with pytest.raises(HumotionError, match="two or more different"):
            read_clips(names)


def test_one_group_gives_no_verdict() -> None:
    write("a", table().assign(group="film"))
    write("b", table(shift=0.1).assign(group="film"))
    row = differences(read_clips(["a", "b"]), ["a", "b"], 100, seed=0).iloc[0]
    assert row["over groups"] == "none: only one"
    assert row["verdict"] == "not distinguishable"


def test_command_prints_both_tables() -> None:
    plain = CliRunner().invoke(app, ["compare", "first", "better", "--bootstrap", "100"])
    assert plain.exit_code == 0, plain.output
    assert "40 test clips from 10 films or recordings" in plain.stdout
    assert "better - first" in plain.stdout
    text = compare(["first", "better"], markdown=True, num_resamples=100)
    assert "| metric | first | better |" in text
    assert "| pck_0.2 | better - first | +0.1000 | +0.1000 to +0.1000 | +0.1000 to +0.1000 | better is better |" in text


def test_metrics_that_not_all_have_are_left_out_and_named() -> None:
    clips = table()
    views = clips[clips["metric"] == "pck_0.2"].assign(metric="pck_0.2_views")
    write("viewed", pd.concat([clips, views]))
    assert list(read_clips(["viewed", "first"])["metric"].cat.categories) == list(clips["metric"].unique())
    assert "not all experiments have pck_0.2_views" in compare(["viewed", "first"], num_resamples=100)
    assert "not all experiments have" not in compare(["first", "better"], num_resamples=100)


def split_table(scores: list[float], prefix: str, weight: float = 1.0) -> pd.DataFrame:
    """Top-1 of clips ``prefix``0, ``prefix``1, ..., each of a film of its own."""
    names = [f"{prefix}{number}" for number in range(len(scores))]
    return pd.DataFrame(
        {"clip_id": names, "group": names, "metric": "top1", "score": scores, "weight": weight, "direction": "higher"}
    )


def write_splits() -> None:
    """Models a and b on two splits of unlike size; clip s0 is in both splits."""
    for model, first, second in (("a", [1, 0, 1, 1], [0, 1]), ("b", [1, 1, 1, 1], [1, 0])):
        write(f"{model}1", split_table(first, "s"))
        write(f"{model}2", pd.concat([split_table(second[:1], "s"), split_table(second[1:], "t")]))


def test_the_mean_of_splits_weighs_them_alike() -> None:
    write_splits()
    names = ["a1+a2", "b1+b2"]
    clips = read_clips(names)
    assert scores(clips, names).iloc[0].tolist() == ["top1", "0.6250", "0.7500"]  # of 3/4 and 1/2; of 1 and 1/2
    assert part_scores(clips, names)[names].to_numpy().tolist() == [["0.7500", "1.0000"], ["0.5000", "0.5000"]]
    row = differences(clips, names, 500, seed=0).iloc[0]
    assert row["difference"] == "+0.1250"
    text = compare(names, num_resamples=100)
    assert "5 test clips from 5 films or recordings; scores are means of 2 experiments" in text
    assert "differ" not in compare(["a1+a2"], num_resamples=100).lower()


def test_a_clip_of_two_splits_is_drawn_once() -> None:
    """The interval is that of the films' own sums, each film drawn with all its clips of all splits."""
    write_splits()
    names = ["a1+a2", "b1+b2"]
    row = differences(read_clips(names), names, 2000, seed=5).iloc[0]
    weight = np.array([1 / 4 + 1 / 2, 1 / 4, 1 / 4, 1 / 4, 1 / 2])  # of s0 to s3 and t0; a clip of split 1 is a quarter
    gain = np.array([0 / 4 + 1 / 2, 1 / 4, 0, 0, -1 / 2])
    drawn = np.random.default_rng(5).integers(5, size=(2000, 5))
    low, high = np.quantile(gain[drawn].sum(axis=1) / weight[drawn].sum(axis=1), [0.025, 0.975])
    assert row["over groups"] == row["over clips"] == f"{low:+.4f} to {high:+.4f}"


def test_scores_over_classes_are_averaged_and_not_judged() -> None:
    write_splits()
    for name, macro_f1 in {"a1": 0.5, "a2": 0.3, "b1": 0.7, "b2": 0.6}.items():
        scores = {"top1": 0.1, "macro_f1": macro_f1, "ece": 0.25}
        write_json(Path("reports") / name / "summary.json", {"test": scores, "over_all_clips": ["macro_f1", "ece"]})
    lines = [line.split() for line in compare(["a1+a2", "b1+b2"], num_resamples=100).splitlines()]
    assert ["macro_f1", "0.4000", "0.6500"] in lines
    assert ["macro_f1", "2.", "0.3000", "0.6000"] in lines
    assert sum(line[:1] == ["macro_f1"] for line in lines) == 3  # the mean and two parts, no difference
    Path("reports/b2/summary.json").unlink()
    said = compare(["a1+a2", "b1+b2"], num_resamples=100).splitlines()
    assert said[0].endswith("; not all experiments have ece, macro_f1")
    assert not [line for line in said[1:] if "macro_f1" in line]


def test_means_of_unlike_many_or_of_other_clips_are_refused() -> None:
    write_splits()
    for names, reason in (
        (["a1+a2", "b1"], "same number of experiments"),
        (["a1+a2", "b2+b1"], "a1 and b2 cannot be compared"),
        (["a1+a1"], "two or more different"),
    ):
        with pytest.raises(HumotionError, match=reason):
            read_clips(names)


def test_another_checkout_is_named_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write("first", table(shift=0.05))
    found = scores(read_clips(["../first", "first"]), ["../first", "first"]).set_index("metric")
    assert float(found.loc["pck_0.2", "first"]) == pytest.approx(
        float(found.loc["pck_0.2", "../first"]) + 0.05, abs=2e-4
    )
