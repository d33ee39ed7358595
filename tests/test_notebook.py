"""The tour runs from top to bottom, as it stands and as a reader would run it."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

TOUR = Path(__file__).parents[1] / "docs" / "tour.ipynb"
LARGEST = 600_000  # bytes of the file with its pictures


@pytest.fixture
def tour() -> nbformat.NotebookNode:
    return nbformat.read(TOUR, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def pictures(notebook: nbformat.NotebookNode) -> list[Image.Image]:
    """The pictures in the outputs, in order."""
    outputs = [output.get("data", {}) for cell in code_cells(notebook) for output in cell.outputs]
    return [
        Image.open(BytesIO(base64.b64decode(data["image/png"]))) for data in outputs if "image/png" in data
    ]


def is_shown_whole(picture: Image.Image) -> bool:
    """Decodes to the end, and is large and colourful enough to be of something."""
    picture.load()
    colours = picture.convert("RGB").getcolors(1 << 20)
    return picture.width > 800 and picture.height > 250 and colours is not None and len(colours) > 30


def test_what_lies_in_the_repository_was_run_whole_and_in_order(tour: nbformat.NotebookNode) -> None:
    nbformat.validate(tour)
    cells = code_cells(tour)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = [output.output_type for cell in cells for output in cell.outputs]
    assert "error" not in kinds
    assert len(pictures(tour)) >= 5
    assert all(map(is_shown_whole, pictures(tour)))
    assert TOUR.stat().st_size < LARGEST
    assert all(len(cell.source.splitlines()) <= 8 for cell in cells)


def test_every_cell_runs(
    tour: nbformat.NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pictures(tour)
    for cell in code_cells(tour):
        cell.outputs, cell.execution_count = [], None
    for variable in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(variable, str(tmp_path))
    NotebookClient(tour, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = code_cells(tour)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    drawn = pictures(tour)
    assert [picture.size for picture in drawn] == [picture.size for picture in before]
    assert all(map(is_shown_whole, drawn))
    written = {path.suffix for path in tmp_path.rglob("longer.*")}
    assert written == {".bvh", ".glb", ".npz"}
