"""What a pull tells while one large file comes in, as weights are: bytes, and room for a cancel."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.conftest import Process
from tests.hub_server import HubServer, hub_server

LARGE = 48_000_000


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with hub_server() as running:
        running.put("user/large", {"config.json": b"{}", "generator.safetensors": bytes(LARGE)})
        yield running


def test_bytes_are_told_within_a_file_and_a_cancel_comes_through(hub: HubServer, tmp_path: Path):
    """It was 0 of 48 MB until the last byte, and only then did a cancel count."""
    client = Process(hub.endpoint, tmp_path / "home", HF_TOKEN="hf_user")
    pull = f"pull(Address('user/large'), Path({str(tmp_path / 'large')!r}), lambda folder: None, progress={{}})"
    told = client.run(f"[seen := [], {pull.format('lambda *told: seen.append(told)')}, seen][2]")
    assert told[-1] == [LARGE + 2, LARGE + 2]
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert sum(2 < done < LARGE for done, _ in told) >= 4
    client.close()

    other = Process(hub.endpoint, tmp_path / "other", HF_TOKEN="hf_user")
    folder = tmp_path / "cancelled"
    stop = "lambda done, total: (_ for _ in ()).throw(GanCoreError('cancelled.')) if 2 < done < total else None"
    assert other.run(pull.format(stop).replace(str(tmp_path / "large"), str(folder)))["error"] == "cancelled."
    assert not folder.exists()
    assert not list(tmp_path.glob(".cancelled*")), "nothing is left beside it"
    assert other.run(pull.format("lambda *told: None").replace(str(tmp_path / "large"), str(folder)))
    assert (folder / "generator.safetensors").stat().st_size == LARGE
    other.close()
