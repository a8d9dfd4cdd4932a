"""How well the decoders of the multi-person families read people from perfect maps that are then spoilt."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from tqdm import tqdm

from benchmarks.intervals import interval
from benchmarks.labelled_crowds import Crowd, crowds_of
from benchmarks.measure import hardware
from benchmarks.perfect_maps import CropReader, OffsetReader, OpenPoseReader, Reader, Sizes, TagReader, TruthReader
from benchmarks.spoilt_maps import SMOOTH, Spoil, noise, perfect, without_joints, without_limbs, without_peaks
from humotion.evaluation.average_precision import Matches
from humotion.evaluation.bootstrap import BootstrapResult
from humotion.evaluation.paired_ap import paired_ap
from humotion.figures.tables import markdown_table
from humotion.tasks.multi_person_pose.evaluation.overlap import LEVELS, crowd_index, part_of
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import Truth, truth_of_file

DESCRIPTION = """\
AP by OKS of each decoder alone: the encoder of its family makes the maps of labelled people, these are spoilt, and the
decoder reads people from them. Nothing is trained. All labelled people are to be found, also those whose joints were
taken out of the maps. `benchmarks/spoilt_maps.py` says what noise and missing joints mean. Intervals (95 %) are of a
bootstrap over pictures; a picture counts with all its seeds.

  python -m benchmarks.decoder_curves
  python -m benchmarks.decoder_curves --labels person_keypoints_val2017.json --side 512
  python -m benchmarks.decoder_curves --kinds tags --ways associative_embedding --tables curves
"""
CROWD = Path("data/crowd/annotations/person_keypoints_val.json")
FAINT = 0.08  # below what a joint needs in OpenPose and associative embedding, above what refine needs
MIDDLE = ("perfect", "smooth noise 0.1", "30% of joints in no map")  # conditions for the table of overlap
Found = dict[int, People]


class Way(NamedTuple):
    """A decoder: the family's reader, and thresholds that differ from its defaults."""

    reader: Callable[[Sizes, Mapping[str, Any]], Reader]
    changes: Mapping[str, Any] = {}


WAYS = {
    "labels themselves": Way(TruthReader),
    "person_lab": Way(OffsetReader),
    "open_pose": Way(OpenPoseReader),
    "associative_embedding": Way(TagReader),
    "hourglass, true boxes": Way(CropReader),
}
SWITCHES: dict[str, tuple[tuple[str, Way], ...]] = {
    "open_pose": (
        ("open_pose, parts left apart", Way(OpenPoseReader, {"merge": False})),
        ("open_pose, merged by limbs alone", Way(OpenPoseReader, {"reach": 0.0})),
    ),
    "person_lab": (("person_lab, no bridges", Way(OffsetReader, {"bridges": False})),),
    "associative_embedding": (("associative_embedding, no refine", Way(TagReader, {"refine": False})),),
    "hourglass, true boxes": (
        ("hourglass, dark", Way(CropReader, {"shift": "dark"})),
        ("hourglass, quarter", Way(CropReader, {"shift": "quarter"})),
    ),
}
"""What a decoder has that the published one of its family lacks, or has as an option: the same in other ways."""


def conditions_of(levels: Sequence[float], shares: Sequence[float], kinds: Sequence[str]) -> dict[str, Spoil]:
    """The ways to spoil maps by name, the perfect ones first."""
    found: dict[str, Spoil] = {"perfect": perfect}
    found |= {f"white noise {level:g}": noise(level, 0.0, kinds) for level in levels}
    found |= {f"smooth noise {level:g}": noise(level, SMOOTH, kinds) for level in levels}
    found |= {f"{share:.0%} of joints without a peak": without_peaks(share) for share in shares}
    found |= {f"{share:.0%} of joints with a faint peak": without_peaks(share, FAINT) for share in shares}
    found |= {f"{share:.0%} of joints in no map": without_joints(share) for share in shares}
    return found | {f"{share:.0%} of limbs without a field": without_limbs(share) for share in shares}


def people_by(
    ways: Mapping[str, Way], crowds: Sequence[Crowd], conditions: Mapping[str, Spoil], seeds: int, sizes: Sizes
) -> dict[str, dict[str, Found]]:
    """The people of every picture and seed, by way and condition; of ``seeds * place + seed``, see `repeated`."""
    readers = {name: way.reader(sizes, way.changes) for name, way in ways.items()}
    found: dict[str, dict[str, Found]] = {name: {condition: {} for condition in conditions} for name in ways}
    for place, crowd in enumerate(tqdm(crowds, unit="picture", leave=False)):
        for family in {type(reader) for reader in readers.values()}:
            ours = {name: reader for name, reader in readers.items() if type(reader) is family}
            one = next(iter(ours.values()))
            maps = one.maps(crowd, crowd.known)
            for condition, spoil in conditions.items():
                if "limbs" in condition and family is not OpenPoseReader:
                    continue
                for seed in range(seeds):
                    spoilt = spoil(one, crowd, maps, np.random.default_rng([seed, crowd.image_id]))
                    for name, reader in ours.items():
                        found[name][condition][place * seeds + seed] = reader.people(spoilt, crowd)
    return found


def repeated(truth: Truth, seeds: int) -> tuple[Truth, dict[int, int]]:
    """The labels once per seed, and the picture of each image: ``seeds * place + seed`` is of picture ``place``."""
    places = {image["id"]: place for place, image in enumerate(truth.images)}
    images, annotations = [], []
    for seed in range(seeds):
        images += [{**image, "id": places[image["id"]] * seeds + seed} for image in truth.images]
        for one in truth.annotations:
            number = len(annotations) + 1
            annotations.append({**one, "id": number, "image_id": places[one["image_id"]] * seeds + seed})
    pictures = {image["id"]: image["id"] // seeds for image in images}
    return truth._replace(images=images, annotations=annotations), pictures


class Judge(NamedTuple):
    """The labels of pictures, each as often as there are seeds, and how often the bootstrap draws."""

    truth: Truth
    pictures: dict[int, int]
    draws: int

    def difference(self, one: Found, other: Found) -> BootstrapResult:
        """AP of one less that of the other."""
        ours = ({image: found[image] for image in self.pictures.keys() & found.keys()} for found in (one, other))
        matches = (match(self.truth, people) for people in ours)
        groups = {image: self.pictures[image] for image in self.truth.image_ids}
        return paired_ap(*matches, seed=0, num_resamples=self.draws, groups=groups)

    def ap(self, found: Found) -> str:
        """AP with its interval."""
        return interval(self.difference(found, {}), sign="")

    def level(self, least: float, below: float) -> Judge:
        """Only the pictures with such a crowd index."""
        index = crowd_index(self.truth)
        ids = {image for image, value in index.items() if least <= value < below}
        return Judge(part_of(self.truth, ids), {image: self.pictures[image] for image in ids}, self.draws)

    def extra(self, found: Found) -> str:
        """People who were found and are none, per 100 labelled people: with OKS below 0.5, or the second time."""
        matches: Matches = match(self.truth, found)
        return f"{100 * (~matches.hit[0] & matches.counted[0]).sum() / max(matches.num_people.sum(), 1):.1f}"


def curves(judge: Judge, found: Mapping[str, Mapping[str, Found]], conditions: Sequence[str]) -> str:
    """AP of every decoder under every condition."""
    rows = [[name, *(judge.ap(of_way[name]) for of_way in found.values())] for name in tqdm(conditions, leave=False)]
    return markdown_table(["AP", *found], rows)


def overlap(judge: Judge, found: Mapping[str, Mapping[str, Found]], conditions: Sequence[str]) -> str:
    """AP by how much people overlap, of some conditions."""
    rows = []
    for name, least, below in LEVELS:
        some = judge.level(least, below)
        of_level = f"{name} overlap, {len(set(some.pictures.values()))} pictures"
        if some.pictures:
            rows += [
                [f"{of_level}: {condition}", *(some.ap(of_way[condition]) for of_way in found.values())]
                for condition in conditions
            ]
    return markdown_table(["AP", *found], rows)


def switches(judge: Judge, name: str, usual: Mapping[str, Found], others: Mapping[str, Mapping[str, Found]]) -> str:
    """One decoder in other ways, under every condition: what its AP is less than usual by, and extra people."""
    header = [name, "AP as usual", *(f"AP as usual less {other}" for other in others)]
    header += [f"extra people per 100, {one}" for one in ("as usual", *others)]
    rows = []
    for condition in tqdm([one for one in usual if usual[one]], leave=False):
        texts = [interval(judge.difference(usual[condition], other[condition])) for other in others.values()]
        extra = [judge.extra(one[condition]) for one in (usual, *others.values())]
        rows.append([condition, judge.ap(usual[condition]), *texts, *extra])
    return markdown_table(header, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, default=CROWD, help="in COCO's format (%(default)s)")
    parser.add_argument("--pictures", type=int, help="the first so many; all without it")
    parser.add_argument("--side", type=int, default=192, help="pixels of the square that a model sees (%(default)s)")
    parser.add_argument("--sigma", type=float, default=7.0, help="pixels, of Gaussians (%(default)s)")
    parser.add_argument("--radius", type=float, default=10.0, help="pixels, of PersonLab's discs (%(default)s)")
    parser.add_argument("--noise", type=float, nargs="*", default=[0.05, 0.1, 0.2], help="levels (%(default)s)")
    parser.add_argument("--missing", type=float, nargs="*", default=[0.1, 0.3], help="shares (%(default)s)")
    parser.add_argument("--kinds", nargs="*", default=[], help="only these kinds of maps are noisy, for example heat")
    parser.add_argument("--seeds", type=int, default=2, help="ways to spoil each picture (%(default)s)")
    parser.add_argument("--draws", type=int, default=200, help="of the bootstrap (%(default)s)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="decoders")
    tables = ("curves", "overlap", "switches")
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables)
    args = parser.parse_args(arguments)
    print(hardware())
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    truth = truth_of_file(args.labels, "coco")
    crowds = crowds_of(truth, args.side, args.pictures)
    truth = part_of(truth, {crowd.image_id for crowd in crowds})
    conditions = conditions_of(args.noise, args.missing, args.kinds)
    without = dict(one for name in args.ways if "switches" in args.tables for one in SWITCHES.get(name, ()))
    ways = {name: WAYS[name] for name in args.ways}
    found = people_by(ways | without, crowds, conditions, args.seeds, Sizes(args.side, args.sigma, args.radius))
    judge = Judge(*repeated(truth, args.seeds), args.draws)
    num_people = sum(len(crowd.joints) for crowd in crowds)
    print(f"\n{len(crowds)} pictures, {num_people} labelled people, {args.seeds} seeds, {args.side} pixels\n")
    usual = {name: found[name] for name in ways}
    if "curves" in args.tables:
        print(curves(judge, usual, [name for name in conditions if "limbs" not in name]), end="\n\n")
    if "overlap" in args.tables:
        print(overlap(judge, usual, [name for name in conditions if name in MIDDLE]), end="\n\n")
    for name, others in SWITCHES.items():
        some = {changed: found[changed] for changed, _ in others if changed in found}
        if name in found and some:
            print(switches(judge, name, found[name], some), end="\n\n")


if __name__ == "__main__":
    main()
