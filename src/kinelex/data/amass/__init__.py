"""HumanML3D from AMASS: which recordings its index names, where they are, and the joints cut from them."""
