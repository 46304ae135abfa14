"""The page's seeds, recipes and ways are Python's: test vectors that both are held against."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core.deploy.static import PAGE
from tests.deploy import vectors

LATENTS_A_SECOND = 10_000
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    return json.loads(vectors.FILE.read_bytes())


def alike(found: dict[str, Any], known: dict[str, Any]) -> None:
    """What another implementation makes of the vectors: the same letters, and numbers to the last bits of a float32."""

    def close(one: Any, other: Any, tolerance: float = 2e-7) -> None:
        np.testing.assert_allclose(np.array(one), np.array(other), rtol=tolerance, atol=tolerance)

    assert len(found["recipes"]) == len(known["recipes"]) > 0
    for got, wanted in zip(found["normal"], known["normal"], strict=True):
        close(got, wanted["numbers"])
    for got, wanted in zip(found["recipes"], known["recipes"], strict=True):
        assert got["dumps"] == wanted["dumps"]
        close(got["z"], wanted["z"])
        close(got["classes"], wanted["classes"])
        assert [sorted(one) for one in got["neighbours"]] == [sorted(one) for one in wanted["neighbours"]]
        for one, other in zip(got["neighbours"], wanted["neighbours"], strict=True):
            close([one[key] for key in sorted(one)], [other[key] for key in sorted(other)], 1.1e-4)
    for got, wanted in zip(found["ways"], known["ways"], strict=True):
        close(got, wanted["points"], 1e-6)
    for got, wanted in zip(found["distances"], known["distances"], strict=True):
        close(got, wanted["distance"], 1e-5)


def test_python_makes_the_vectors(known: dict[str, Any]) -> None:
    made = vectors.made()
    alike(
        {
            "normal": [one["numbers"] for one in made["normal"]],
            "recipes": made["recipes"],
            "ways": [one["points"] for one in made["ways"]],
            "distances": [one["distance"] for one in made["distances"]],
        },
        known,
    )


def test_node_makes_the_vectors_and_quickly(known: dict[str, Any], tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed; tests/browser/static/test_engine.py runs the same in a browser")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for path in [*PAGE.glob("*.js"), HERE / "vectors.mjs"]:
        shutil.copyfile(path, tmp_path / path.name)
    command = [node, "vectors.mjs", tmp_path.as_uri() + "/"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        input=vectors.FILE.read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    alike(found, known)
    assert found["latents_a_second"] >= LATENTS_A_SECOND
