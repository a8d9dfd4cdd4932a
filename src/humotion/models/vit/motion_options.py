"""What LS-ViT adds to a plain ViT: two presets, and every difference between them as an option of its own."""

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
        smif: which short-term module, in the pixels.
        lmi: which long-term module, in the tokens.
        identity_start: what is added begins at zero, so that step 0 equals the plain ViT.
        raw_neighbours: SMIF differences raw frames around each sampled one; else the sampled frames.
        bounded_gates: LMI's gate passes a tanh.
        lmi_reach: segments on either side that LMI sees.
        lmi_every: LMI stands behind the first of every so many blocks.
        temporal_position: a learned embedding of the frame's place in the clip.
        motion_embed: the size of SMIF's differences reaches the tokens directly as well.
        motion_frames: so many of a clip's frames go through the ViT once more, as what moves in them alone.
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
# What says something about a module only, and what it is where the module is absent.
PARTS: dict[str, dict[str, Any]] = {
    "smif": {"raw_neighbours": False, "motion_embed": False},
    "lmi": {"bounded_gates": False, "lmi_reach": 1, "lmi_every": 1},
}


def resolve(setting: Setting, **given: Any) -> MotionOptions:
    """The options of a setting, with those that are given (not None) in their place.

    Without a module, its options are off unless they are given.

    Raises:
        HumotionError: an option of a module that is absent is given, or a number is below 1.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if unknown := given.keys() - {field.name for field in fields(MotionOptions)}:
        raise TypeError(f"no options of LS-ViT: {', '.join(sorted(unknown))}")
    options = replace(PRESETS[setting], **given)
    for module, parts in PARTS.items():
        if getattr(options, module) == "none":
            if idle := [name for name in parts if given.get(name, parts[name]) != parts[name]]:
                raise HumotionError(
                    f"ls_vit: {module} is none, but {' and '.join(idle)} is set, which is a part of it. "
                    f"Leave {' and '.join(idle)} out, or set {module} to reference or default."
                )
            options = replace(options, **parts)
    for name, least in (("lmi_reach", 1), ("lmi_every", 1), ("motion_frames", 0)):
        value = getattr(options, name)
        if value != "all" and value < least:
            raise HumotionError(f"ls_vit: {name} is {value}; it must be {least} or more.")
    return options
