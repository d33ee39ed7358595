"""Captions in YAML for corpora that come with labels alone; `kinelex.data.captions` reads them."""
