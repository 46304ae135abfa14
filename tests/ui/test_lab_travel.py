"""Time travel: sheets, films, one seed of all snapshots, keeping, branches; and snapshots as what pickers send."""

import base64
import io
import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from gan_core.errors import ConfigError, GanCoreError, ModelError, PictureError, RunError
from gan_core.library import find_recipe_model, load
from gan_core.recipe import ModelRef, Recipe, read
from gan_core.settings import Settings
from gan_core.training.loop import train
from gan_core.training.run_folder import RunFolder
from gan_core.ui.explorer import Explorer
from gan_core.ui.film_folder import FilmFolder
from gan_core.ui.films import Films
from gan_core.ui.lab import keeping, travel
from gan_core.ui.lab.keeping import Keeping
from gan_core.ui.lab.travel import Travel, elapsed_at
from gan_core.ui.painter import Painter
from gan_core.ui.photo_folder import PhotoFolder
from gan_core.ui.serve import served
from gan_core.ui.services import RUN, Services
from tests.training.tiny import config

ID, OTHER = "00001-dcgan-shapes", "00002-cyclegan-shapes"
OVER = ("done", "stopped", "failed")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of both kinds, trained once for all tests here."""
    folder = tmp_path_factory.mktemp("trained")
    options = {"sample_steps": 2, "snapshot_steps": 4, "state_steps": 4}
    for name, family, steps in ((ID, "dcgan", 12), (OTHER, "cyclegan", 4)):
        made = config(family, steps, **options, log_steps=1, **({"conditional": False} if family == "dcgan" else {}))
        run = RunFolder(folder / name)
        run.create(made)
        list(train(made, run))
    return folder


@pytest.fixture
def services(tmp_path: Path, trained: Path) -> Services:
    shutil.copytree(trained, tmp_path / "runs")
    settings = Settings(models_dir=tmp_path / "models", runs_dir=tmp_path / "runs", data_dir=tmp_path / "data")
    settings.models_dir.mkdir()
    return Services(settings)


@pytest.fixture
def lab(services: Services) -> Travel:
    return Travel(services)


@pytest.fixture
def run(services: Services) -> RunFolder:
    return services.run(ID)


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def over(poll: Any, job: str) -> dict[str, Any]:
    while (told := poll(job, wait_s=0.02))["state"] not in OVER:
        pass
    return told


def film(lab: Travel, **options: Any) -> dict[str, Any]:
    wanted = {"fps": 10, "seconds": 2, "size": 128, "kind": "mp4", "fade": True, "steps": False, **options}
    return over(lab.travel_film_poll, lab.travel_film(ID, wanted)["job"])


# Sheets.


def test_a_sheet_is_the_file_with_the_time_before_it(lab: Travel, run: RunFolder):
    answer = lab.sample(ID, 4)
    path = dict(run.samples())[4]
    assert base64.b64decode(answer["url"].partition(",")[2]) == path.read_bytes()
    assert (answer["width"], answer["height"]) == (8 * 18 - 2, 8 * 18 - 2)
    line = next(line for line in run.metrics() if line["step"] == 4)
    assert answer["elapsed_s"] == line["elapsed_s"]
    assert lab.sample(ID, 0)["elapsed_s"] == 0.0


@pytest.mark.parametrize("step", [3, -1, True, "4", "../config", None, 2.0])
def test_only_samples_that_are_there_are_shown(lab: Travel, step: Any):
    with pytest.raises(GanCoreError):
        lab.sample(ID, step)


@pytest.mark.parametrize("name", ["../runs", "gone", None, 7, ["x"]])
def test_only_listed_runs_are_shown(lab: Travel, name: Any):
    for look in (lab.sheets, lambda one: lab.sample(one, 4), lambda one: lab.seed_at(one, 4, "1")):
        with pytest.raises(RunError, match="no run"):
            look(name)


def test_a_damaged_sheet_is_told_and_the_others_are_shown(lab: Travel, run: RunFolder):
    samples = dict(run.samples())
    samples[4].write_bytes(b"RIFFrubbish")
    with pytest.raises(PictureError, match="step 4 cannot be read"):
        lab.sample(ID, 4)
    samples[6].unlink()
    with pytest.raises(RunError, match="no samples of step 6"):
        lab.sample(ID, 6)
    assert lab.sample(ID, 8)["width"]
    assert lab.sheets(ID)["layout"]


def test_the_layout_is_read_or_worked_out(lab: Travel, run: RunFolder, services: Services):
    expected = {"columns": 8, "rows": 8, "cell_px": 16, "gap_px": 2}
    assert lab.sheets(ID) == {"layout": expected, "columns": None}
    layout = run.path / "samples" / "layout.json"
    for content in ("{", '{"columns": 0, "rows": 8, "cell_px": 16, "gap_px": 2}', '{"columns": "8"}'):
        layout.write_text(content)
        assert lab.sheets(ID)["layout"] == expected
    (services.run(OTHER).path / "samples" / "layout.json").unlink(missing_ok=True)
    other = lab.sheets(OTHER)
    assert (other["layout"]["columns"], other["layout"]["rows"]) == (4, 6)
    assert other["columns"][1].startswith("as ")
    dict(run.samples())[12].write_bytes(b"rubbish")
    layout.unlink()
    assert lab.sheets(ID)["layout"] is None


def test_elapsed_time_is_found_in_a_large_file_without_reading_it(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    with path.open("w") as file:
        for step in range(10, 200_001, 10):
            file.write(json.dumps({"step": step, "elapsed_s": step / 8, "loss_g": 1.25, "loss_d": 0.5}) + "\n")
    for step, expected in ((10, 1.25), (5, 1.25), (99_995, 12_500.0), (200_000, 25_000.0), (300_000, 25_000.0)):
        assert elapsed_at(path, step) == expected
    assert elapsed_at(tmp_path / "none", 3) is None
    path.write_text('{"step": 1, "elapsed_s": 0.5}\nrubbish\n{"step": 3')
    assert elapsed_at(path, 2) == 0.5


# Snapshots as models.


def test_a_snapshot_is_a_model_by_its_step(services: Services, run: RunFolder):
    for step in (4, 8, 12):
        generator = services.generator(f"{RUN}{ID}@{step}")
        assert generator.folder == run.snapshot_folder(step)
        assert services.info(f"{RUN}{ID}@{step}").steps == step
    assert services.generator(f"{RUN}{ID}").folder == run.snapshot_folder(12)
    assert services.translator(f"{RUN}{OTHER}@4").folder == services.run(OTHER).snapshot_folder(4)
    with pytest.raises(ModelError, match="translator"):
        services.generator(f"{RUN}{OTHER}@4")
    with pytest.raises(ModelError):
        services.translator(f"{RUN}{ID}@4")


@pytest.mark.parametrize("value", ["@5", "@-4", "@4.0", "@ 4", "@4/../8", "@", "@99999999999999", "@4@8", "/../x@4"])
def test_only_snapshots_that_are_there_are_opened(services: Services, value: str):
    for look in (services.info, services.generator):
        with pytest.raises(ModelError, match=r"Nothing was (drawn|changed)"):
            look(f"{RUN}{ID}{value}")


def test_a_snapshot_that_was_thinned_away_gives_one_sentence(services: Services, run: RunFolder):
    value = f"{RUN}{ID}@8"
    services.generator(value)
    shutil.rmtree(run.snapshot_folder(8))
    services._opened.clear()  # Looked for again, as a quarter of a second later.
    with pytest.raises(ModelError, match="step 8 of 00001-dcgan-shapes is not kept any more"):
        services.generator(value)
    answer = Explorer(services).open(model=value)
    assert answer["model"]["value"] == f"{RUN}{ID}"
    assert "not kept any more" in answer["note"]


def test_the_chosen_snapshot_stands_behind_its_run(services: Services, run: RunFolder):
    run.write_about(title="My shapes")
    explorer, value = Explorer(services), f"{RUN}{ID}@8"
    listed = explorer.list_models(value)["models"]
    assert [(one["value"], one["name"], one["group"]) for one in listed] == [
        (f"{RUN}{ID}", "My shapes", "Runs"),
        (value, "My shapes, step 8", "Runs"),
    ]
    assert listed[1]["url"].startswith("data:image/jpeg")
    assert len(explorer.list_models()["models"]) == len(explorer.list_models(f"{RUN}{ID}@5")["models"]) == 1


def test_explore_reload_link_and_download_name_the_very_snapshot(services: Services, run: RunFolder):
    explorer, value = Explorer(services), f"{RUN}{ID}@8"
    answer = explorer.open(model=value)
    recipe = answer["recipe"]
    weights = load(run.snapshot_folder(8))
    assert recipe["model"] == {"name": f"{ID}@8", "sha256": weights.sha256}
    again = explorer.open(model="run:gone", recipe=recipe, lenient=True)  # A reload.
    assert again["model"]["value"] == value
    assert value in [one["value"] for one in again["models"]]
    file = explorer.download(recipe)
    assert file["name"] == f"{ID}-step-8-seed-555.png"
    content = base64.b64decode(file["base64"])
    assert read(content).model.sha256 == weights.sha256
    restored = explorer.read_recipe("link", file["base64"])  # A link.
    assert (restored["recipe"]["model"]["name"], restored["note"]) == (f"{ID}@8", None)
    assert np.array_equal(np.asarray(opened(answer["picture"]["url"])), np.asarray(weights.picture(Recipe(seed=555))))


def test_a_recipe_of_a_runs_newest_snapshot_finds_it_when_it_is_an_older_one(services: Services, run: RunFolder):
    later = run.path / "snapshots" / "later"
    run.snapshot_folder(12).rename(later)
    explorer = Explorer(services)
    file = explorer.download(explorer.open(model=f"{RUN}{ID}")["recipe"])
    later.rename(run.snapshot_folder(12))
    restored = explorer.read_recipe("x.png", file["base64"])
    assert (restored["recipe"]["model"]["name"], restored["note"]) == (f"{ID}@8", None)


def test_a_recipe_that_names_a_snapshot_finds_it_by_name_too(services: Services, run: RunFolder):
    for step in (4, 8, 12):
        match = find_recipe_model(ModelRef(name=f"{ID}@{step}"), services.settings)
        assert (match.folder, match.notice) == (run.snapshot_folder(step), None)
    with pytest.raises(ModelError, match="not here"):
        find_recipe_model(ModelRef(name=f"{ID}@5"), services.settings)


def test_interpolate_and_style_transfer_take_snapshots(services: Services, tmp_path: Path):
    films = Films(services, FilmFolder(tmp_path / "films"))
    answer = films.open(f"{RUN}{ID}@8")
    assert (answer["model"]["value"], answer["note"]) == (f"{RUN}{ID}@8", None)
    assert answer["keys"][0]["model"]["name"] == f"{ID}@8"
    painter = Painter(services, PhotoFolder(tmp_path / "photos"), FilmFolder(tmp_path / "films"), tmp_path)
    chosen = painter.choose(f"{RUN}{OTHER}@4")
    assert chosen["model"]["name"] == f"{OTHER}, step 4"
    assert f"{RUN}{OTHER}@4" in [one["value"] for one in chosen["models"]]
    assert painter.open(f"{RUN}{OTHER}@4")["model"]["value"] == f"{RUN}{OTHER}@4"
    assert "not kept" in painter.open(f"{RUN}{OTHER}@3")["note"]


# The same seed.


def test_a_seed_is_drawn_by_each_snapshot_and_drives_nothing_from_memory(
    lab: Travel, services: Services, run: RunFolder
):
    kept = services.generator(f"{RUN}{ID}")
    pictures = [opened(lab.seed_at(ID, step, "42")["url"]) for step in (4, 8, 12)]
    for step, picture in zip((4, 8, 12), pictures, strict=True):
        expected = load(run.snapshot_folder(step), keep=False).picture(Recipe(seed=42))
        assert np.array_equal(np.asarray(picture), np.asarray(expected))
    assert load(run.snapshot_folder(12)) is kept
    for seed in ("-1", "x", "9" * 40, 4, None):
        with pytest.raises(ConfigError, match="A seed is"):
            lab.seed_at(ID, 4, seed)
    with pytest.raises(ModelError, match="no seed"):
        lab.seed_at(OTHER, 4, "1")
    with pytest.raises(ModelError, match="not kept"):
        lab.seed_at(ID, 5, "1")


# Films.


@pytest.mark.parametrize("kind", ["mp4", "webm", "gif", "webp"])
def test_a_film_is_written(lab: Travel, kind: str):
    told = film(lab, kind=kind, size=127, steps=True)
    assert told["state"] == "done", told["error"]
    assert told["name"] == f"{ID}-training.{kind}"
    if kind == "webp":
        with Image.open(told["path"]) as opened:
            assert opened.n_frames == 20
        return
    with av.open(told["path"]) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    assert len(frames) == 20
    assert frames[0].width in (127, 128)
    assert frames[0].height > frames[0].width  # The band with the step.


def test_a_cut_stands_still_and_a_crossfade_flows(lab: Travel):
    def steps(**options: Any) -> int:
        with av.open(film(lab, kind="gif", size=142, **options)["path"]) as container:
            frames = [np.asarray(frame.to_image().convert("RGB")).astype(int) for frame in container.decode(video=0)]
        moves = [np.abs(a - b).max() for a, b in pairwise(frames)]
        return sum(move > 8 for move in moves)

    assert steps(fade=False) <= 6  # Seven sheets have six cuts.
    assert steps(fade=True) > 6


def test_a_film_leaves_out_what_is_damaged(lab: Travel, run: RunFolder):
    samples = dict(run.samples())
    samples[4].write_bytes(samples[4].read_bytes()[:200])
    Image.new("RGB", (40, 40)).save(samples[6], "WEBP")
    told = film(lab)
    assert (told["state"], told["left_out"]) == ("done", 2)
    for path in samples.values():
        path.write_bytes(b"rubbish")
    told = film(lab)
    assert (told["state"], told["error"].split(".")[0]) == ("failed", "Fewer than two sheets of samples can be read")


def test_one_sheet_makes_no_film_and_nonsense_is_told(lab: Travel, run: RunFolder):
    good = {"fps": 10, "seconds": 2, "size": 128, "kind": "mp4"}
    for wrong in (None, {}, {"fps": float("nan")}, {"fps": 61}, {"seconds": 1e9}, {"size": True}, {"kind": "../x"}):
        with pytest.raises(ConfigError, match="No film was made"):
            lab.travel_film(ID, wrong if not wrong else {**good, **wrong})
    with pytest.raises(ConfigError) as told:
        lab.travel_film(ID, {**good, "fps": 999, "seconds": None, "size": 99999})
    assert str(told.value) == (
        "Frames a second cannot be 999: give a number from 1 to 60. Seconds is empty: give a number from 0.5 to 120. "
        "Size, px cannot be 99999: give a number from 64 to 2,048. No film was made."
    )
    with pytest.raises(ConfigError, match="Take a size of at most"):
        lab.travel_film(ID, {"fps": 60, "seconds": 120, "size": 2048, "kind": "mp4"})
    for step, path in run.samples():
        if step:
            path.unlink()
    with pytest.raises(RunError, match="one sheet of samples yet"):
        lab.travel_film(ID, good)


def test_a_cancelled_film_leaves_no_file(lab: Travel):
    job = lab.travel_film(ID, {"fps": 60, "seconds": 20, "size": 512, "kind": "mp4"})["job"]
    lab.travel_film_stop(job)
    told = over(lab.travel_film_poll, job)
    assert told["state"] == "stopped"
    assert "path" not in told


# Keeping.


def test_a_snapshot_is_kept_as_a_model(services: Services, run: RunFolder):
    keeper = Keeping(services)
    offered = keeper.keep_name(ID, 8)
    assert offered == {"name": "dcgan-shapes-8", "problem": None}
    job = keeper.keep_start(ID, 8, "mine", "Drawn by code.", "mit")["job"]
    told = over(keeper.keep_poll, job)
    assert (told["state"], told["name"], told["unmeasured"]) == ("done", "mine", None), told["error"]
    folder = services.settings.models_dir / "mine"
    assert json.loads((folder / "metrics.json").read_text())["pictures_compared"] == 64
    assert "Drawn by code." in (folder / "README.md").read_text()
    assert services.generator("mine").sha256 == load(run.snapshot_folder(8)).sha256
    assert "already" in keeper.keep_name(ID, 8, "mine")["problem"]
    with pytest.raises(ModelError, match="already"):
        keeper.keep_start(ID, 8, "mine")


@pytest.mark.parametrize("name", ["../x", "", "Big", "a b", ".hidden", None, "a" * 97])
def test_what_cannot_be_a_name_is_told(services: Services, name: Any):
    keeper = Keeping(services)
    if name is not None:
        assert "cannot name a model" in keeper.keep_name(ID, 8, name)["problem"]
    with pytest.raises(GanCoreError):
        keeper.keep_start(ID, 8, name)
    assert not list(services.settings.models_dir.iterdir())


def test_nonsense_is_kept_nowhere(services: Services):
    keeper = Keeping(services)
    for arguments in (
        (ID, 5, "x"),
        (ID, True, "x"),
        ("gone", 8, "x"),
        (ID, 8, "x", "n" * 5000),
        (ID, 8, "x", "", "a/b"),
    ):
        with pytest.raises(GanCoreError, match=r"Nothing was|no run"):
            keeper.keep_start(*arguments)


def test_without_its_data_a_model_is_kept_and_not_measured(services: Services, run: RunFolder):
    told = json.loads((run.path / "config.json").read_text())
    told["train"]["data"] = "/nowhere/pictures.zip"
    (run.path / "config.json").write_text(json.dumps(told))
    keeper = Keeping(services)
    answer = over(keeper.keep_poll, keeper.keep_start(ID, 8, "mine")["job"])
    assert answer["state"] == "done", answer["error"]
    assert "pictures.zip" in answer["unmeasured"]
    assert services.info("mine").kind == "generator"


def test_a_cancelled_keep_keeps_nothing(services: Services):
    keeper = Keeping(services)
    job = keeper.keep_start(OTHER, 4, "mine")["job"]
    keeper.keep_stop(job)
    assert over(keeper.keep_poll, job)["state"] == "stopped"
    assert not list(services.settings.models_dir.iterdir())


# Another way on.


def test_a_branch_is_launched_and_says_whether_it_is_exact(
    lab: Travel, services: Services, run: RunFolder, monkeypatch
):
    launched: list[str] = []
    monkeypatch.setattr(services.runs, "launch", lambda one: launched.append(one.id))
    exact = {step for step, _ in run.states()}
    for step in (4, 12):
        answer = lab.branch(ID, step)
        assert answer["exact"] is (step in exact)
        assert services.run(answer["id"]).about()["origin"]["step"] == step
        assert launched[-1] == answer["id"]
    for step in (5, True, "4", None):
        with pytest.raises(GanCoreError):
            lab.branch(ID, step)


def test_a_run_is_rolled_back_where_its_state_is_kept(lab: Travel, services: Services, run: RunFolder, monkeypatch):
    (newest,) = [step for step, _ in run.states()][-1:]
    assert lab.roll_back(ID, newest) == {"exact": True}
    monkeypatch.setattr(type(services.runs.state(run)), "active", property(lambda _: True))
    with pytest.raises(RunError, match="Stop it first"):
        lab.roll_back(ID, newest)


# What the page calls.


def test_every_function_the_page_calls_takes_the_parts_it_is_given(services: Services, capsys):
    for module, one in ((travel, Travel(services)), (keeping, Keeping(services))):
        for name, parts in {**module.LOOKS, **module.CHANGES}.items():
            for sent in ({}, None, {part: ["x"] for part in parts}):
                answer = served(getattr(one, name), parts)(sent)
                assert answer["ok"] or answer["error"].endswith((".", "?")), name
    assert capsys.readouterr().err == ""
