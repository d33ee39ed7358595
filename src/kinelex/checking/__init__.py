"""Whether a clip shows what its phrases say, as far as the probes can see; no network is asked."""
