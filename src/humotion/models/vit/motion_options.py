"""What LS-ViT adds to a plain ViT: two presets, and one option for each difference between them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from humotion.errors import HumotionError

Setting = Literal["reference", "default"]
Variant = Literal["none", "reference", "default"]
Reach = Literal["all"] | int


@dataclass(frozen=True)
class MotionOptions:
    """The parts of an LS-ViT, resolved.

    Attributes:
        smif: the short-term module, in the pixels.
        lmi: the long-term module, in the tokens.
        identity_start: everything that is added starts at zero, so that step 0 equals the plain ViT.
        raw_neighbours: SMIF takes differences of raw frames around each sampled one; otherwise of the sampled frames.
        bounded_gates: LMI's gate passes a tanh.
        lmi_reach: segments on each side that LMI sees.
        lmi_every: an LMI follows the first block of every group of this many blocks.
        temporal_position: a learned embedding of the frame's position in the clip.
        motion_embed: the size of SMIF's differences is also added directly to the tokens.
        motion_frames: number of a clip's frames that go through the ViT again, as images of the motion alone.
    """

    smif: Variant
    lmi: Variant
    identity_start: bool
    raw_neighbours: bool
    bounded_gates: bool
    lmi_reach: Reach
    lmi_every: int
    temporal_position: bool
    motion_embed: bool
    motion_frames: int


PRESETS: dict[Setting, MotionOptions] = {
    "reference": MotionOptions(
        smif="reference",
        lmi="reference",
        identity_start=False,
        raw_neighbours=False,
        bounded_gates=False,
        lmi_reach=1,
        lmi_every=1,
        temporal_position=False,
        motion_embed=False,
        motion_frames=0,
    ),
    "default": MotionOptions(
        smif="default",
        lmi="default",
        identity_start=True,
        raw_neighbours=True,
        bounded_gates=True,
        lmi_reach="all",
        lmi_every=2,
        temporal_position=True,
        motion_embed=True,
        motion_frames=0,
    ),
}
# The options that belong to a module, with their values if the module is absent.
PARTS: dict[str, dict[str, Any]] = {
    "smif": {"raw_neighbours": False, "motion_embed": False},
    "lmi": {"bounded_gates": False, "lmi_reach": 1, "lmi_every": 1},
}


def resolve(setting: Setting, **given: Any) -> MotionOptions:
    """Return the options of a setting, replaced by those that are given (not None).

    If a module is absent, its options are off.

    Raises:
        HumotionError: an option of an absent module is given, or a number is below its minimum.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if unknown := given.keys() - {field.name for field in fields(MotionOptions)}:
        raise TypeError(f"no options of LS-ViT: {', '.join(sorted(unknown))}")
    options = replace(PRESETS[setting], **given)
    for module, parts in PARTS.items():
        if getattr(options, module) == "none":
            if idle := [name for name in parts if given.get(name, parts[name]) != parts[name]]:
                raise HumotionError(
                    f"ls_vit: {module} is none, but {' and '.join(idle)} is set. These options need {module}: "
                    f"leave out {' and '.join(idle)}, or set {module} to reference or default."
                )
            options = replace(options, **parts)
    for name, least in (("lmi_reach", 1), ("lmi_every", 1), ("motion_frames", 0)):
        value = getattr(options, name)
        if value != "all" and value < least:
            raise HumotionError(f"ls_vit: {name} is {value}; it must be {least} or more.")
    return options
