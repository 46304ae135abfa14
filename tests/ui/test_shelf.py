"""The server side of the Models tab: what is listed and told, what is changed, what comes in and what goes out."""

import json
import os
import re
import shutil
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
import torch
from torch import nn

from gan_core import library
from gan_core import trash as trash_module
from gan_core.config import RunConfig, train_config
from gan_core.errors import GanCoreError, ModelError
from gan_core.settings import Settings
from gan_core.training.run_folder import create_run
from gan_core.ui import assets, rights
from gan_core.ui import intake as intake_module
from gan_core.ui.film_folder import FilmFolder
from gan_core.ui.intake import Intake, safe_name
from gan_core.ui.jobs import OVER
from gan_core.ui.model_facts import measured, plain, sha256
from gan_core.ui.packing import Packer
from gan_core.ui.serve import served
from gan_core.ui.services import Services
from gan_core.ui.shelf import Shelf
from gan_core.ui.tabs import models as tab
from gan_core.weights import load, save


@pytest.fixture
def shelf(services: Services) -> Shelf:
    return Shelf(services)


def rows(shelf: Shelf) -> dict[str, dict]:
    return {row["value"]: row for row in shelf.list_models()["models"]}


def names(shelf: Shelf) -> list[str]:
    return [row["value"] for row in shelf.list_models()["models"]]


def ended(poll, job: str) -> dict:
    """What a job told last."""
    end = time.monotonic() + 60
    while (told := poll(job, 0.01))["state"] not in OVER:
        assert time.monotonic() < end, told
    return told


# What is listed.


def test_each_model_is_a_row_with_what_a_person_asks_first(shelf: Shelf, dcgan_folder: Path):
    config = json.loads((dcgan_folder / "config.json").read_text())
    (dcgan_folder / "config.json").write_text(json.dumps({**config, "license": "mit", "data": {"name": "shapes"}}))
    (dcgan_folder / "metrics.json").write_text(json.dumps({"fid": 31.04}))
    found = rows(shelf)
    assert list(found) == ["tiny-conditional", "tiny-cyclegan", "tiny-dcgan"]
    row = found["tiny-dcgan"]
    assert (row["family"], row["px"], row["data"], row["license"]) == ("DCGAN", "16", "shapes", "mit")
    assert row["measured"] == "FID 31"
    assert row["bytes"] == sum(path.stat().st_size for path in dcgan_folder.glob("*.safetensors"))
    assert row["group"] == "Here"
    assert row["kind"] == "generator"
    assert found["tiny-cyclegan"]["px"] == "any"
    assert found["tiny-cyclegan"]["kind"] == "translator"


def test_damaged_folders_are_listed_with_their_sentence_and_without_paths(shelf: Shelf, settings: Settings):
    broken = settings.models_dir / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    hollow = settings.models_dir / "hollow"
    hollow.mkdir()
    (hollow / "config.json").write_text((settings.models_dir / "tiny-dcgan" / "config.json").read_text())
    found = rows(shelf)
    assert "broken/config.json is not valid JSON" in found["broken"]["error"]
    assert str(settings.models_dir) not in found["broken"]["error"]
    assert "no weights" in found["hollow"]["error"]
    told = shelf.look("broken")
    assert [file["name"] for file in told["files"]] == ["config.json"]
    assert told["facts"] == []


def test_newest_snapshots_of_runs_are_listed_and_cannot_be_renamed_or_deleted(
    shelf: Shelf, settings: Settings, dcgan_folder: Path
):
    config = RunConfig(family="dcgan", train=train_config("dcgan", data="shapes"), network={}, recipe={})
    run = create_run(settings.runs_dir, config, "shapes")
    model = load(dcgan_folder)
    save(run.snapshot_folder(100), model.config, model.networks)
    run.write_status(state="finished")
    value = f"run:{run.id}"
    assert names(shelf)[-1] == value
    assert rows(shelf)[value]["group"] == "Runs"
    for change in (lambda: shelf.rename(value, "other"), lambda: shelf.delete(value)):
        with pytest.raises(ModelError, match="belongs to a run"):
            change()
    assert run.newest_snapshot() is not None


def test_without_models_the_list_is_empty(bare: Services):
    assert Shelf(bare).list_models() == {"models": [], "deleted": []}


def test_a_model_without_preview_gets_a_thumbnail_and_one_that_cannot_draw_gets_none(shelf: Shelf, dcgan_folder: Path):
    assert rows(shelf)["tiny-dcgan"]["url"] is None
    assert shelf.thumbnail("tiny-dcgan")["url"].startswith("data:image/jpeg;base64,")
    assert shelf.thumbnail("tiny-cyclegan") == {"url": None}
    (dcgan_folder / "preview.webp").write_bytes(b"RIFF no picture")
    assert rows(shelf)["tiny-dcgan"]["url"] is None


def test_a_row_tells_card_files_digests_and_facts(shelf: Shelf, dcgan_folder: Path, tmp_path: Path):
    (dcgan_folder / "README.md").write_text("# tiny-dcgan\n\nWords.")
    secret = tmp_path / "secret.txt"
    secret.write_text("not yours")
    (dcgan_folder / "notes.txt").symlink_to(secret)
    told = shelf.look("tiny-dcgan")
    assert told["card"].endswith("Words.")
    files = {file["name"]: file for file in told["files"]}
    assert set(files) == {"README.md", "config.json", "discriminator.safetensors", "generator.safetensors"}
    assert files["generator.safetensors"]["sha256"] == sha256(dcgan_folder / "generator.safetensors")
    assert ["Network: latent dim", "8"] in told["facts"]
    assert ["Licence", "not stated"] in told["facts"]
    json.dumps(told)


def test_a_card_that_is_a_link_out_of_the_folder_is_not_read(shelf: Shelf, dcgan_folder: Path, tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("not yours")
    (dcgan_folder / "README.md").symlink_to(secret)
    assert shelf.look("tiny-dcgan")["card"] == ""


@pytest.mark.parametrize("value", ["../tiny-dcgan", "/etc", "", None, 7, "run:../x", ".trash"])
def test_only_what_is_listed_is_looked_at(shelf: Shelf, value):
    for ask in (shelf.look, shelf.thumbnail, shelf.delete, lambda one: shelf.rename(one, "new")):
        with pytest.raises(ModelError, match="no model"):
            ask(value)


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ({}, ""),
        ({"fid": 31.04, "pairwise_distance": {"samples": 1, "real": 2}}, "FID 31"),
        ({"fid": {"fid": 12.5}}, "FID 12.5"),
        ({"pairwise_distance": {"samples": 0.435, "real": 0.5877}}, "variety 74 %"),
        ({"pairwise_distance": {"samples": 1.0, "real": 0}}, ""),
        ({"x": {"round_trip_mean_absolute_difference": 0.08}, "y": {"round_trip_mean_absolute_difference": 0.1}},
         "round trip 0.09"),
        ({"fid": "very good", "kid": float("nan")}, ""),
    ],
)  # fmt: skip
def test_one_figure_stands_for_all_measures(metrics, text):
    assert measured(metrics) == text


def test_values_of_strangers_stay_short():
    assert len(plain("x" * 100_000)) < 2100
    assert plain(True) == "yes"
    assert plain(None) == "not stated"
    assert plain(12345) == "12,345"


# Changes.


def test_renaming_moves_folder_and_card(shelf: Shelf, dcgan_folder: Path, settings: Settings):
    (dcgan_folder / "README.md").write_text('# tiny-dcgan\n\nmodel = gan_core.load("tiny-dcgan")\n\n# tiny-dcgan-like')
    before = sha256(dcgan_folder / "generator.safetensors")
    answer = shelf.rename("tiny-dcgan", "  ducks ")
    assert answer["value"] == "ducks"
    assert names(shelf) == ["ducks", "tiny-conditional", "tiny-cyclegan"]
    new = settings.models_dir / "ducks"
    assert sha256(new / "generator.safetensors") == before
    assert (new / "README.md").read_text() == '# ducks\n\nmodel = gan_core.load("ducks")\n\n# tiny-dcgan-like'
    assert shelf.rename("ducks", "ducks")["value"] == "ducks"


@pytest.mark.parametrize("name", ["Ducks", "../ducks", "", ".trash", "a/b", "x" * 97, None])
def test_names_that_could_leave_the_folder_are_refused(shelf: Shelf, name):
    with pytest.raises(ModelError, match="cannot name a model"):
        shelf.rename("tiny-dcgan", name if name is not None else "N one")
    assert "tiny-dcgan" in names(shelf)


def test_renaming_takes_no_other_model_s_place(shelf: Shelf):
    with pytest.raises(ModelError, match="tiny-cyclegan already"):
        shelf.rename("tiny-dcgan", "tiny-cyclegan")
    assert len(names(shelf)) == 3


def test_deleting_moves_to_the_trash_and_restore_brings_the_same_weights_back(
    shelf: Shelf, services: Services, dcgan_folder: Path, settings: Settings
):
    digest = sha256(dcgan_folder / "generator.safetensors")
    assert "tiny-dcgan" in services.generators()
    answer = shelf.delete("tiny-dcgan")
    assert "tiny-dcgan" not in names(shelf)
    assert "tiny-dcgan" not in services.generators()
    assert [one["name"] for one in answer["deleted"]] == ["tiny-dcgan"]
    assert "tiny-dcgan" not in [info.name for info in library.list_models(settings)]
    assert shelf.restore(answer["id"])["value"] == "tiny-dcgan"
    assert sha256(dcgan_folder / "generator.safetensors") == digest
    assert shelf.list_models()["deleted"] == []


def test_restoring_leaves_a_model_that_took_the_name_meanwhile(shelf: Shelf):
    id = shelf.delete("tiny-dcgan")["id"]
    shelf.rename("tiny-conditional", "tiny-dcgan")
    assert shelf.restore(id)["value"] == "tiny-dcgan-2"
    assert names(shelf) == ["tiny-cyclegan", "tiny-dcgan", "tiny-dcgan-2"]


def test_a_damaged_model_can_be_deleted_and_removed_for_good(shelf: Shelf, settings: Settings):
    broken = settings.models_dir / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    id = shelf.delete("broken")["id"]
    assert shelf.discard(id)["deleted"] == []
    assert list((settings.models_dir / trash_module.FOLDER).iterdir()) == []


@pytest.mark.parametrize("id", ["../tiny-dcgan", "tiny-dcgan", "", None, "tiny-dcgan~1~00000000"])
def test_the_trash_gives_and_removes_only_what_it_holds(shelf: Shelf, id, dcgan_folder: Path):
    for ask in (shelf.restore, shelf.discard):
        with pytest.raises(GanCoreError, match="not in the trash"):
            ask(id)
    assert dcgan_folder.is_dir()


def test_what_was_deleted_a_month_ago_goes_when_the_next_one_is(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    now = time.time()
    monkeypatch.setattr(trash_module.time, "time", lambda: now - 31 * 86_400)
    shelf.delete("tiny-dcgan")
    monkeypatch.setattr(trash_module.time, "time", lambda: now)
    assert [one["name"] for one in shelf.list_models()["deleted"]] == ["tiny-dcgan"]
    assert [one["name"] for one in shelf.delete("tiny-conditional")["deleted"]] == ["tiny-conditional"]


# Who may.


def request(host: str, **headers: str) -> SimpleNamespace:
    return SimpleNamespace(client=SimpleNamespace(host=host), headers=headers)


def test_visitors_of_a_space_change_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    assert rights.may_change(request("10.0.0.7"))
    monkeypatch.setenv("SPACE_ID", "somebody/studio")
    visitors = [request("10.0.0.7"), request("127.0.0.1", **{"x-forwarded-for": "1.2.3.4"}), request("127.0.0.1")]
    assert not any(map(rights.may_change, visitors))
    assert rights.may_change(None)
    guarded = rights.guarded(served(shelf.delete, ("model",)))
    assert guarded.__name__ == "delete"
    answer = guarded({"model": "tiny-dcgan"}, visitors[0])
    assert answer["ok"] is False
    assert "only its owner" in answer["error"]
    assert "tiny-dcgan" in names(shelf)
    monkeypatch.delenv("SPACE_ID")
    assert guarded({"model": "tiny-dcgan"}, request("10.0.0.7"))["ok"] is True


def test_every_change_and_every_import_is_guarded(services: Services, monkeypatch: pytest.MonkeyPatch):
    with gr.Blocks() as page:
        tab.build(services, page, None)
    component = next(block for block in page.blocks.values() if block.elem_id == "shelf")
    monkeypatch.setenv("SPACE_ID", "somebody/studio")
    visitor = request("10.0.0.7")
    for name in (*tab.CHANGES, *tab.BRINGS):
        answer = getattr(component, name)({}, visitor)
        assert "only its owner" in answer["error"], name
    listed = component.list_models({}, visitor)
    assert listed["may"] is False
    assert len(listed["models"]) == 3
    json.dumps(listed)


def test_the_page_asks_for_what_is_offered_and_its_scripts_can_be_read_as_one(services: Services):
    with gr.Blocks() as page:
        tab.build(services, page, None)
    (component,) = [block for block in page.blocks.values() if block.elem_id == "shelf"]
    script = component.js_on_load
    offered = {"list_models", *tab.LOOKS, *tab.CHANGES, *tab.PACKS, *tab.BRINGS}
    assert set(re.findall(r'call\("(\w+)"', script)) == offered
    assert {function.__name__ for function in component.server_fns} == offered
    tops = re.findall(r"^(?:const|let|function|async function) (\w+)", script, re.MULTILINE)
    assert len(tops) == len(set(tops))
    assert not set("`$") & set(assets.text("shelf.html"))


# What goes out.


@pytest.fixture
def packer(shelf: Shelf, tmp_path: Path) -> Packer:
    return Packer(shelf, FilmFolder(tmp_path / "served"))


def test_a_download_is_the_folder_as_a_zip(packer: Packer, dcgan_folder: Path, tmp_path: Path):
    told = ended(packer.pack_poll, packer.pack("tiny-dcgan", "folder")["job"])
    assert told["state"] == "done"
    assert told["name"] == "tiny-dcgan.zip"
    path = Path(told["path"])
    assert path.is_relative_to(tmp_path / "served")
    assert path.stat().st_size == told["bytes"]
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "again")
    again = tmp_path / "again" / "tiny-dcgan"
    assert {one.name for one in again.iterdir()} == {one.name for one in dcgan_folder.iterdir()}
    mine, theirs = (load(folder).networks["generator"].state_dict() for folder in (dcgan_folder, again))
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_export_gives_one_file_or_a_zip_of_several(packer: Packer, monkeypatch: pytest.MonkeyPatch):
    from gan_core.ui import packing

    def export(folder: Path, kind: str, out: Path) -> list[Path]:
        out.mkdir(parents=True)
        paths = [out / f"{folder.name}-{number}.{kind}" for number in range(2 if "cyclegan" in folder.name else 1)]
        for path in paths:
            path.write_bytes(b"graph")
        return paths

    monkeypatch.setattr(packing, "export", export)
    one = ended(packer.pack_poll, packer.pack("tiny-dcgan", "onnx")["job"])
    assert one["name"] == "tiny-dcgan-0.onnx"
    assert Path(one["path"]).read_bytes() == b"graph"
    two = ended(packer.pack_poll, packer.pack("tiny-cyclegan", "onnx")["job"])
    assert two["name"] == "tiny-cyclegan-onnx.zip"
    assert len(zipfile.ZipFile(two["path"]).namelist()) == 2


def test_what_no_other_project_can_hold_is_refused_in_the_page_s_words(packer: Packer):
    told = ended(packer.pack_poll, packer.pack("tiny-conditional", "torch")["job"])
    assert told["state"] == "failed"
    assert "classes" in told["error"]
    assert "--" not in told["error"]


def test_export_to_the_reference_project_s_file(packer: Packer):
    told = ended(packer.pack_poll, packer.pack("tiny-dcgan", "torch")["job"])
    assert told["state"] == "done", told["error"]
    assert Path(told["path"]).stat().st_size == told["bytes"] > 0


def test_what_cannot_be_exported_says_why_and_leaves_nothing(packer: Packer, dcgan_folder: Path, tmp_path: Path):
    content = (dcgan_folder / "generator.safetensors").read_bytes()
    (dcgan_folder / "generator.safetensors").write_bytes(content[:-100])
    told = ended(packer.pack_poll, packer.pack("tiny-dcgan", "onnx")["job"])
    assert told["state"] == "failed"
    assert "damaged" in told["error"]
    assert not list((tmp_path / "served").rglob("*"))


def test_only_known_kinds_of_listed_models_are_packed(packer: Packer):
    with pytest.raises(ModelError, match="no model"):
        packer.pack("../x", "folder")
    assert served(packer.pack, ("model", "kind"))({"model": "tiny-dcgan", "kind": "exe"})["ok"] is False


# What comes in.


class Reference(nn.Module):
    """The generator of pytorch/examples for 16 px."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(12, 32, 4, 1, 0, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(True),
            nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(True),
            nn.ConvTranspose2d(16, 3, 4, 2, 1, bias=False),
            nn.Tanh(),
        )


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder


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
        begun.wait(20)
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
    end = time.monotonic() + 10
    while left(tmp_path) and time.monotonic() < end:
        time.sleep(0.01)
    assert left(tmp_path) == []


def test_a_models_folder_that_cannot_be_written_says_so(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    for change in (lambda: shelf.rename("tiny-dcgan", "ducks"), lambda: shelf.delete("tiny-dcgan")):
        with pytest.raises(ModelError, match=r"Permission denied.*Nothing was changed"):
            change()


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
