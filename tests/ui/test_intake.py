"""What comes in by the Models tab: checkpoints, logs and zips of strangers, recognised, added or refused."""

import shutil
import threading
import time
import zipfile
from pathlib import Path

import pytest
import torch

from gan_core.errors import ModelError
from gan_core.settings import Settings
from gan_core.ui import intake as intake_module
from gan_core.ui.intake import Intake, safe_name
from gan_core.ui.model_facts import sha256
from gan_core.ui.packing import Packer
from gan_core.ui.services import Services
from gan_core.weights import load
from tests.foreign import Malicious, Reference
from tests.ui.waiting import ended


@pytest.fixture
def intake(services: Services, uploads: Path, tmp_path: Path) -> Intake:
    private = tmp_path / "private"
    private.mkdir()
    return Intake(services, uploads, base=private)


def uploaded(uploads: Path, name: str, content: object) -> str:
    """As Gradio's route leaves it: in a folder named by a digest."""
    path = uploads / f"{len(list(uploads.iterdir())):064d}" / name
    path.parent.mkdir()
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    return str(path)


def brought(intake: Intake, *paths: str) -> dict:
    return ended(intake.bring_poll, intake.bring(list(paths))["job"])


def left(tmp_path: Path) -> list[Path]:
    return [path for place in ("private", "uploads") for path in (tmp_path / place).iterdir()]


def test_a_checkpoint_is_recognised_told_and_added(
    intake: Intake, uploads: Path, services: Services, settings: Settings, tmp_path: Path
):
    torch.manual_seed(5)
    reference = Reference().eval()
    told = brought(intake, uploaded(uploads, "netG_ducks_epoch_24.pth", reference.state_dict()))
    assert told["state"] == "done", told["error"]
    assert "pytorch/examples" in told["dialect"]
    assert told["kind"] == "generator"
    assert "16 px" in told["facts"]
    assert told["name"] == "ducks"
    assert not list(uploads.iterdir())  # Moved, not copied.
    added = ended(intake.bring_poll, intake.bring_add(told["token"], told["name"], None, None)["job"])
    assert added["state"] == "done", added["error"]
    assert added["value"] == "ducks"
    assert added["kind"] == "generator"
    assert "ducks" in services.generators()
    assert left(tmp_path) == []
    z = torch.randn(2, 12)
    mine = load(settings.models_dir / "ducks").networks["generator"]
    with torch.inference_mode():
        assert torch.allclose(mine(z), reference.main(z[:, :, None, None]), atol=1e-5)


def test_a_pickle_that_runs_code_is_refused_and_nothing_of_it_stays(intake: Intake, uploads: Path, tmp_path: Path):
    ran = tmp_path / "ran"
    told = brought(intake, uploaded(uploads, "netG.pth", {"state_dict": Malicious(ran)}))
    assert told["state"] == "failed"
    assert "run code" in told["error"]
    assert told["error"].startswith("netG.pth")  # By the name that the visitor knows.
    assert not ran.exists()
    assert left(tmp_path) == []


def test_what_nearly_fits_is_refused_with_its_keys(intake: Intake, uploads: Path, tmp_path: Path):
    state = {**Reference().state_dict(), "main.99.weight": torch.zeros(3)}
    told = brought(intake, uploaded(uploads, "netG.pth", state))
    assert told["state"] == "failed"
    assert "main.99.weight" in told["error"]
    assert left(tmp_path) == []


def test_a_log_becomes_a_run(intake: Intake, uploads: Path, settings: Settings, tmp_path: Path):
    lines = [
        f"(epoch: 1, iters: {number}00, time: 0.3, data: 0.0) D_A: 0.1 G_A: 0.4 cycle_A: 1.0 idt_A: 0.2 "
        "D_B: 0.3 G_B: 0.5 cycle_B: 1.1 idt_B: 0.3"
        for number in range(1, 5)
    ]
    told = brought(intake, uploaded(uploads, "loss_log.txt", "\n".join(lines).encode()))
    assert told["state"] == "done", told["error"]
    assert told["kind"] == "run"
    assert (settings.runs_dir / told["value"]).is_dir()
    assert left(tmp_path) == []


def test_names_are_asked_for_once_more_and_nothing_is_overwritten(intake: Intake, uploads: Path, dcgan_folder: Path):
    digest = sha256(dcgan_folder / "generator.safetensors")
    told = brought(intake, uploaded(uploads, "tiny_dcgan.pth", Reference().state_dict()))
    assert told["name"] == "tiny-dcgan-2"
    for name, match in (("tiny-dcgan", "already"), ("../up", "cannot name"), ("", "cannot name")):
        with pytest.raises(ModelError, match=match):
            intake.bring_add(told["token"], name, None, None)
    assert sha256(dcgan_folder / "generator.safetensors") == digest
    assert ended(intake.bring_poll, intake.bring_add(told["token"], "third", None, None)["job"])["state"] == "done"


def test_a_cancel_leaves_no_model_and_the_checkpoint_waits_on(
    intake: Intake, uploads: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    from gan_core import adopt as adopting

    told = brought(intake, uploaded(uploads, "netG.pth", Reference().state_dict()))
    real, begun = adopting.adopt, threading.Event()

    def slow(*arguments: object, **options: object) -> object:
        begun.wait(60)
        return real(*arguments, **options)

    monkeypatch.setattr(adopting, "adopt", slow)
    job = intake.bring_add(told["token"], "new", None, None)["job"]
    intake.bring_stop(job)
    begun.set()
    assert ended(intake.bring_poll, job)["state"] == "stopped"
    assert not (settings.models_dir / "new").exists()
    assert ended(intake.bring_poll, intake.bring_add(told["token"], "new", None, None)["job"])["state"] == "done"


@pytest.mark.parametrize("domains", [{"a": "photograph", "b": ""}, {"a": "x" * 81, "b": "y"}, {"a": "a\x07", "b": "y"}])
def test_words_for_domains_are_checked(intake: Intake, uploads: Path, domains):
    told = brought(intake, uploaded(uploads, "netG.pth", Reference().state_dict()))
    with pytest.raises(ModelError, match="1 to 80 letters"):
        intake.bring_add(told["token"], "new", None, domains)


def test_what_is_forgotten_or_left_lying_goes(services: Services, uploads: Path, tmp_path: Path):
    private = tmp_path / "private"
    private.mkdir()
    intake = Intake(services, uploads, base=private)
    first = brought(intake, uploaded(uploads, "a.pth", Reference().state_dict()))
    intake.bring_stop(None, first["token"])
    assert left(tmp_path) == []
    with pytest.raises(ModelError, match="not here any more"):
        intake.bring_add(first["token"], "new", None, None)
    for number in range(intake_module.MAX_WAITING + 2):
        brought(intake, uploaded(uploads, f"b{number}.pth", Reference().state_dict()))
    assert len(list(private.iterdir())) == intake_module.MAX_WAITING
    shutil.rmtree(private)
    private.mkdir()
    hasty = Intake(services, uploads, base=private, keep_s=0.05)
    brought(hasty, uploaded(uploads, "c.pth", Reference().state_dict()))
    end = time.monotonic() + 60
    while left(tmp_path) and time.monotonic() < end:
        time.sleep(0.01)
    assert left(tmp_path) == []


def test_only_what_the_upload_route_wrote_is_read(intake: Intake, uploads: Path, tmp_path: Path):
    secret = tmp_path / "secret.pth"
    secret.write_bytes(b"not yours")
    (uploads / "link.pth").symlink_to(secret)
    outside = [str(secret), f"{uploads}/../secret.pth", str(uploads / "link.pth"), str(uploads), "", None, 3, "a\0b"]
    for path in outside:
        with pytest.raises(ModelError, match="did not arrive"):
            intake.bring([path])
    for paths in (None, [], "x", ["x"] * 13):
        with pytest.raises(ModelError, match="1 to 12 files"):
            intake.bring(paths)
    assert secret.read_bytes() == b"not yours"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("latest_net_G_A.pth", "latest_net_G_A.pth"),
        ("../../etc/passwd", "passwd"),
        ("C:\\models\\G.pth", "G.pth"),
        ("my faces (3).pth", "my_faces_3_.pth"),
        (".hidden.pth", "hidden.pth"),
        ("", "file"),
        ("..", "file"),
        ("\u00e9\u00e9.pth", "_.pth"),
        ("x" * 300 + ".safetensors", "x" * 80 + ".safetensors"),
    ],
)
def test_file_names_are_made_harmless(name, safe):
    assert safe_name(name) == safe


def archive(tmp_path: Path, files: dict[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in files.items():
            made.writestr(name, content)
    content = path.read_bytes()
    path.unlink()
    return content


def test_a_downloaded_zip_comes_back_as_it_was(
    intake: Intake, packer: Packer, uploads: Path, settings: Settings, dcgan_folder: Path, tmp_path: Path
):
    (dcgan_folder / "README.md").write_text("# tiny-dcgan\n\nWords.")
    packed = ended(packer.pack_poll, packer.pack("tiny-dcgan", "folder")["job"])
    told = brought(intake, uploaded(uploads, "tiny-dcgan.zip", Path(packed["path"]).read_bytes()))
    assert told["state"] == "done", told["error"]
    assert (told["dialect"], told["name"], told["kind"]) == ("A model of GAN Studio", "tiny-dcgan-2", "generator")
    added = ended(intake.bring_poll, intake.bring_add(told["token"], "again", None, None)["job"])
    assert added["state"] == "done", added["error"]
    assert added["value"] == "again"
    again = settings.models_dir / "again"
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in dcgan_folder.iterdir()
    }
    assert left(tmp_path) == []


def test_a_zip_of_another_project_s_files_is_unpacked(intake: Intake, uploads: Path, tmp_path: Path):
    torch.save(Reference().state_dict(), tmp_path / "g.pth")
    files = {"run/netG_epoch_3.pth": (tmp_path / "g.pth").read_bytes(), "run/netG.py": b"raise SystemExit"}
    told = brought(intake, uploaded(uploads, "faces.zip", archive(tmp_path, files)))
    assert told["state"] == "done", told["error"]
    assert "pytorch/examples" in told["dialect"]


def test_a_damaged_model_folder_is_refused(intake: Intake, uploads: Path, dcgan_folder: Path, tmp_path: Path):
    weights = (dcgan_folder / "generator.safetensors").read_bytes()
    files = {"config.json": (dcgan_folder / "config.json").read_bytes(), "generator.safetensors": weights[:-50]}
    told = brought(intake, *(uploaded(uploads, name, content) for name, content in files.items()))
    assert told["state"] == "failed"
    assert told["error"].startswith("generator.safetensors is damaged")
    assert left(tmp_path) == []


@pytest.mark.parametrize("kind", ["outside", "bomb", "twice", "empty", "damaged", "many"])
def test_hostile_zips_are_refused_and_write_nothing(
    intake: Intake, uploads: Path, settings: Settings, tmp_path: Path, kind: str
):
    object.__setattr__(settings, "max_upload_mb", 1.0)
    hostile = {
        "outside": {"../../outside.json": b"{}", "/outside.json": b"{}"},
        "bomb": {"x/config.json": b" " * 5_000_000},
        "twice": {"a/config.json": b"{}", "b/config.json": b"{}"},
        "empty": {"x/run.sh": b"rm"},
        "damaged": {"x/config.json": b"{}" * 100},
        "many": {f"x/{number}.json": b"{}" for number in range(100)},
    }[kind]
    content = archive(tmp_path, hostile, compression=zipfile.ZIP_DEFLATED)
    before = set(tmp_path.rglob("*"))
    told = brought(intake, uploaded(uploads, "x.zip", content[: len(content) // 2] if kind == "damaged" else content))
    assert told["state"] == "failed", told
    assert "x.zip" in told["error"]
    assert set(tmp_path.rglob("*")) == before
    assert not list(tmp_path.parent.glob("outside*"))
