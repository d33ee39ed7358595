"""Run docs/tour.ipynb from top to bottom and keep what its cells show: `make notebook`, after a change to a cell."""

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

TOUR = Path(__file__).with_name("tour.ipynb")


def main() -> None:
    """Run every cell; without times of day, so that the file changes only where its pictures and numbers do."""
    # Progress bars of other libraries, and their wish for notebook widgets, are no part of the tour.
    os.environ |= {"TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore:IProgress"}
    notebook = nbformat.read(TOUR, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    NotebookClient(notebook, timeout=600, record_timing=False).execute()
    nbformat.write(notebook, TOUR)


if __name__ == "__main__":
    main()
