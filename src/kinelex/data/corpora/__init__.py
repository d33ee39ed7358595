"""The corpora that `kinelex prepare` knows: a function each that says which files make which clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kinelex.data.corpora.acrnn import plan_acrnn
from kinelex.data.corpora.bandai import plan_bandai
from kinelex.data.corpora.cmu import plan_cmu
from kinelex.data.corpora.folder import plan_folder
from kinelex.data.corpora.hdm05 import plan_hdm05
from kinelex.data.corpora.humanml3d import plan_humanml3d, plan_kit
from kinelex.data.corpora.jump import plan_jump
from kinelex.data.corpora.licences import LICENCES
from kinelex.data.corpora.plan import Plan
from kinelex.data.source import SourceFolder
from kinelex.data.takes import PrepareOptions

Planner = Callable[[SourceFolder, PrepareOptions], Plan]


@dataclass(frozen=True)
class Corpus:
    """A corpus: how to plan it, and which licences its clips have (keys of LICENCES)."""

    plan: Planner
    licences: tuple[str, ...]


CORPORA: Mapping[str, Corpus] = {
    "bandai-namco": Corpus(plan_bandai, ("CC BY-NC 4.0",)),
    "cmu": Corpus(plan_cmu, ("CMU", "HumanML3D captions")),
    "acrnn": Corpus(plan_acrnn, ("CMU", "HumanML3D captions")),
    "jump": Corpus(plan_jump, ("CMU", "HumanML3D captions")),
    "hdm05": Corpus(plan_hdm05, ("CC BY-SA 3.0",)),
    "folder": Corpus(plan_folder, ("own",)),
    "humanml3d": Corpus(plan_humanml3d, ("own",)),
    "kit": Corpus(plan_kit, ("own",)),
}

__all__ = ["CORPORA", "LICENCES", "Corpus", "Plan", "Planner"]
