"""The source skeletons that Kinelex knows, as data: how to tell one, and where its 22 HumanML3D joints are.

A HumanML3D joint is a weighted mean of source joints. The weights follow the proportions of the HumanML3D
bodies: hips 0.1 m beside and a little below the pelvis, spine1 to spine3 at 0.24, 0.49 and 0.60 of the way
from pelvis to neck, the neck 0.05 m above the shoulders, collars at a third of the way to the shoulders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kinelex.errors import KinelexError
from kinelex.motion.skeleton import HUMANML3D

Weights = Mapping[str, float]

ASF_UNIT = 0.0254 / 0.45
_DOWN, _LEFT, _RIGHT = (0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)


@dataclass(frozen=True)
class Flavour:
    """One kind of source skeleton.

    Attributes:
        name: what `Animation.flavour` says.
        signature: joint names that only this kind has together.
        unit: metres of one unit of its BVH files; None when it must be found out from the body's size.
        joints: for each HumanML3D joint the source joints it is the weighted mean of; empty when it must be
            found out from the names ("generic").
        straight: source joints that lie in that direction from their parent in the T-pose, where the zero
            pose of the file has them elsewhere.
        hinges: source joints that move before the weights apply, each along the rest pose to a share of the
            way to one of its children. A HumanML3D pelvis is rigid up to spine1, a chest up to the neck, a
            forearm up to the wrist; where the source has one more joint within such a part, its turn happens
            at the part's end, and lengths and directions of all other bones stay as they are.
    """

    name: str
    signature: frozenset[str]
    unit: float | None
    joints: Mapping[str, Weights]
    straight: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    hinges: Mapping[str, tuple[str, float]] = field(default_factory=dict)


def _body(trunk: Mapping[str, str | Weights], side: Mapping[str, str | Weights]) -> dict[str, Weights]:
    """All joints from the trunk and one side; {Left}, {left}, {L} and {l} are the side's word and letter."""

    def weights(source: str | Weights, word: str) -> Weights:
        means = {source: 1.0} if isinstance(source, str) else source
        marks = {"Left": word, "left": word.lower(), "L": word[0], "l": word[0].lower()}
        return {name.format(**marks): weight for name, weight in means.items()}

    joints = {target: weights(source, "Left") for target, source in trunk.items()}
    for word in ("Left", "Right"):
        joints |= {f"{word.lower()}_{target}": weights(source, word) for target, source in side.items()}
    return {target: joints[target] for target in HUMANML3D.joints}


# A joint of an ASF skeleton stands where the bone of that name begins.
_ASFAMC = Flavour(
    "asfamc",
    frozenset({"lhipjoint", "lfemur", "ltoes", "upperback", "lowerneck", "lclavicle", "lhand"}),
    ASF_UNIT,
    _body(
        {"pelvis": "root", "spine1": "upperback", "spine2": "thorax",
         "spine3": {"thorax": 0.84, "lowerneck": 0.16}, "neck": "lowerneck", "head": "head"},
        {"hip": "{l}femur", "knee": "{l}tibia", "ankle": "{l}foot", "foot": "{l}toes",
         "collar": {"{l}clavicle": 0.65, "{l}humerus": 0.35}, "shoulder": "{l}humerus", "elbow": "{l}radius",
         "wrist": "{l}hand"},
    ),
    hinges={"lowerback": ("upperback", 1.0), "lowerneck": ("upperneck", 1.0)},
)  # fmt: skip

_BVH_MB = Flavour(
    "bvh-mb",
    frozenset({"LHipJoint", "LeftUpLeg", "LowerBack", "Spine1", "Neck1", "LeftFingerBase", "LThumb"}),
    ASF_UNIT,
    _body(
        {"pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": {"Spine1": 0.84, "Neck": 0.16},
         "neck": "Neck", "head": "Head"},
        {"hip": "{Left}UpLeg", "knee": "{Left}Leg", "ankle": "{Left}Foot", "foot": "{Left}ToeBase",
         "collar": {"{Left}Shoulder": 0.65, "{Left}Arm": 0.35}, "shoulder": "{Left}Arm",
         "elbow": "{Left}ForeArm", "wrist": "{Left}FingerBase"},
    ),
    hinges={"LowerBack": ("Spine", 1.0), "Neck": ("Neck1", 1.0)},
)  # fmt: skip

_BVH_MAX = Flavour(
    "bvh-max",
    frozenset({"LHipJoint", "LeftHip", "LeftKnee", "Chest2", "lowerneck", "LeftCollar", "lhand"}),
    ASF_UNIT,
    _body(
        {"pelvis": "Hips", "spine1": "Chest", "spine2": "Chest2", "spine3": {"Chest2": 0.84, "lowerneck": 0.16},
         "neck": "lowerneck", "head": "Head"},
        {"hip": "{Left}Hip", "knee": "{Left}Knee", "ankle": "{Left}Ankle", "foot": "{Left}Toe",
         "collar": {"{Left}Collar": 0.65, "{Left}Shoulder": 0.35}, "shoulder": "{Left}Shoulder",
         "elbow": "{Left}Elbow", "wrist": "{Left}Wrist"},
    ),
    hinges={
        "lowerback": ("Chest", 1.0), "lowerneck": ("Neck", 1.0),
        "LeftWrist": ("lhand", 1.0), "RightWrist": ("rhand", 1.0),
    },
)  # fmt: skip

# The hip joint lies below the thighs' heads, so the pelvis goes half-way up to the abdomen.
_BVH_DAZ = Flavour(
    "bvh-daz",
    frozenset({"hip", "abdomen", "chest", "lCollar", "lShldr", "lButtock", "lThigh", "lFoot_end"}),
    0.01,
    _body(
        {"pelvis": {"hip": 0.5, "abdomen": 0.5}, "spine1": "abdomen", "spine2": "chest",
         "spine3": {"chest": 0.8, "neck": 0.2}, "neck": "neck", "head": "head"},
        {"hip": "{l}Thigh", "knee": "{l}Shin", "ankle": "{l}Foot", "foot": "{l}Foot_end",
         "collar": {"{l}Collar": 0.6, "{l}Shldr": 0.4}, "shoulder": "{l}Shldr", "elbow": "{l}ForeArm",
         "wrist": "{l}Hand"},
    ),
    straight={
        "lShin": _DOWN, "rShin": _DOWN, "lFoot": _DOWN, "rFoot": _DOWN,
        "lForeArm": _LEFT, "lHand": _LEFT, "rForeArm": _RIGHT, "rHand": _RIGHT,
    },
)  # fmt: skip

# The Hips joint lies between the thighs' heads.
_BANDAI = Flavour(
    "bandai",
    frozenset({"joint_Root", "Hips", "Chest", "Shoulder_L", "UpperArm_L", "UpperLeg_L", "Toes_L"}),
    0.01,
    _body(
        {"pelvis": {"Hips": 0.7, "Spine": 0.3}, "spine1": {"Hips": 0.15, "Spine": 0.85},
         "spine2": {"Spine": 0.24, "Chest": 0.76}, "spine3": {"Chest": 0.89, "Neck": 0.11},
         "neck": "Neck", "head": "Head"},
        {"hip": "UpperLeg_{L}", "knee": "LowerLeg_{L}", "ankle": "Foot_{L}", "foot": "Toes_{L}",
         "collar": "Shoulder_{L}", "shoulder": "UpperArm_{L}", "elbow": "LowerArm_{L}", "wrist": "Hand_{L}"},
    ),
)  # fmt: skip

# The root lies between the hips, at their height; the back bends once, half-way up.
_DEEPMIMIC = Flavour(
    "deepmimic",
    frozenset({"root", "chest", "neck", "head", "left_hip", "left_knee", "left_toe", "left_wrist"}),
    None,
    _body(
        {"pelvis": {"root": 0.6, "chest": 0.4}, "spine1": "chest", "spine2": {"chest": 0.67, "neck": 0.33},
         "spine3": {"chest": 0.52, "neck": 0.48}, "neck": "neck", "head": {"neck": 0.28, "head": 0.72}},
        {target: f"{{left}}_{source}" for target, source in
         {"hip": "hip", "knee": "knee", "ankle": "ankle", "foot": "toe", "shoulder": "shoulder",
          "elbow": "elbow", "wrist": "wrist"}.items()}
        | {"collar": {"chest": 0.08, "neck": 0.55, "{left}_shoulder": 0.37}},
    ),
    hinges={"chest": ("neck", -0.27), "neck": ("head", 0.28)},
)  # fmt: skip

# Rigs that Kinelex itself exports, in any preset of names; read like any other humanoid.
_KINELEX = Flavour("kinelex", frozenset(), None, {})
GENERIC = Flavour("generic", frozenset(), None, {})

FLAVOURS = {
    flavour.name: flavour
    for flavour in (_ASFAMC, _BVH_MB, _BVH_MAX, _BVH_DAZ, _BANDAI, _DEEPMIMIC, _KINELEX, GENERIC)
}  # fmt: skip


def flavour_of(names: Sequence[str]) -> Flavour:
    """The kind of skeleton that has joints of these names; GENERIC when none is known."""
    have = set(names)
    return next(
        (flavour for flavour in FLAVOURS.values() if flavour.signature and flavour.signature <= have), GENERIC
    )


def flavour_named(name: str) -> Flavour:
    """The kind of skeleton of that name.

    Raises:
        KinelexError: there is none.
    """
    if name not in FLAVOURS:
        raise KinelexError(f"unknown skeleton flavour {name!r}; choose one of {', '.join(FLAVOURS)}")
    return FLAVOURS[name]
