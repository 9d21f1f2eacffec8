"""Tissues of a CT by the HU of their surface."""

from __future__ import annotations

import math
from collections.abc import Mapping

BONE_HU = 226.0
"""InVesalius' threshold of bone: the level of a CT unless one is given."""

PRESETS: Mapping[str, tuple[float, float]] = {
    "bone": (BONE_HU, math.inf),
    "compact-bone": (662, math.inf),
    "enamel": (1553, math.inf),
    "skin": (-200, math.inf),
    "lung": (-950, -500),
    "fat": (-190, -30),
    "muscle": (-29, 150),
}
"""HU. Bone, compact bone and enamel as in InVesalius; lung without the air round the patient;
fat and muscle as body composition is measured (Mitsiopoulos 1998)."""
