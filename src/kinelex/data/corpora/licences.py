"""Licences and the words that their owners ask to be said, for manifests and model cards."""

from __future__ import annotations

LICENCES = {
    "CC BY-NC 4.0": (
        "Bandai-Namco Research Motiondataset 1 and 2, (c) 2022 Bandai Namco Research Inc., CC BY-NC 4.0: "
        "non-commercial use only, with attribution; converted to HumanML3D features here."
    ),
    "CC BY-SA 3.0": (
        "HDM05, CC BY-SA 3.0 Unported: adaptations under the same licence. The data used in this project was "
        "obtained from HDM05 (Mueller, Roeder, Clausen, Eberhardt, Krueger, Weber: Documentation Mocap "
        "Database HDM05, CG-2007-2, Universitaet Bonn, 2007)."
    ),
    "CMU": (
        "CMU Graphics Lab Motion Capture Database: free for all uses, not to be resold directly. The data "
        "used in this project was obtained from mocap.cs.cmu.edu. The database was created with funding from "
        "NSF EIA-0196217."
    ),
    "HumanML3D captions": (
        "HumanML3D captions, MIT licence (Guo et al., Generating Diverse and Natural 3D Human Motions From "
        "Text, CVPR 2022)."
    ),
    "AMASS": (
        "AMASS and the SMPL-H body model: as their owners licensed them to you, for non-commercial research and "
        "not to be passed on, in converted form either (Mahmood et al., AMASS: Archive of Motion Capture as "
        "Surface Shapes, ICCV 2019, and the owners of its sub-data-sets)."
    ),
    "HumanAct12": (
        "HumanAct12, as its owners licensed it to you (Guo et al., Action2Motion: Conditioned Generation of 3D "
        "Human Motions, ACM MM 2020)."
    ),
    "own": "Whatever terms the source folder is under; Kinelex does not know them.",
}
