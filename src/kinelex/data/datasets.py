"""The name under which `kinelex.training.corpus` reads `hold_still`, whose home is `kinelex.motion.holding`."""

from kinelex.motion.holding import hold_still

__all__ = ["hold_still"]
