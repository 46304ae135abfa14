"""Step by step: the halves are those of the training, what is told of them is true, and every step can be undone."""

import hashlib
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_core.losses import ADVERSARIAL
from gan_core.settings import Settings
from gan_core.training.dcgan import Recipe
from gan_core.training.formulas import DOMAINS, formulas
from gan_core.training.opening import open_bench
from gan_core.training.run_folder import RunFolder
from gan_core.training.stepping import Bench, layer_titles
from tests.training.conftest import ROOM
from tests.training.tiny import FAMILIES, config

both_families = pytest.mark.parametrize("family", list(FAMILIES))


def tensors(bench: Bench) -> dict[str, torch.Tensor]:
    """Everything that a step may change, copied."""
    training, found = bench.game.training, {}
    for name, module in training.modules.items():
        found |= {f"{name}.{key}": value.clone() for key, value in module.state_dict().items()}
    for name, optimizer in training.optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            found |= {f"{name}.{index}.{key}": value.clone() for key, value in state.items()}
    for name, pictures in training.extra_state().items():
        found |= {f"{name}.pool.{index}": picture.clone() for index, picture in enumerate(pictures)}
    return found


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor], only: str = "") -> bool:
    assert a.keys() == b.keys()
    return all(torch.equal(a[key], b[key]) for key in a if key.startswith(only))


def weights(training, names: tuple[str, ...]) -> list[torch.Tensor]:
    return [value.detach() for name in names for value in training.modules[name].parameters()]


def equal(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# The halves.


def test_the_halves_of_dcgan_are_those_of_a_step_bit_for_bit(a_run, settings: Settings) -> None:
    bench = open_bench(a_run("dcgan"), settings, room_bytes=ROOM)
    whole = deepcopy(bench.game.training)
    whole.step(bench.number, [bench.game.batch(bench.number)])
    bench.take("d")
    assert equal(weights(bench.game.training, ("discriminator",)), weights(whole, ("discriminator",)))
    assert not equal(weights(bench.game.training, ("generator",)), weights(whole, ("generator",)))
    bench.take("g")
    assert equal(weights(bench.game.training, ("generator",)), weights(whole, ("generator",)))


@pytest.mark.parametrize("dropout", [False, True])
def test_the_halves_of_cyclegan_are_those_of_a_step_bit_for_bit(a_run, settings: Settings, dropout: bool) -> None:
    """The generators go first there; a step in which they do not learn yet is one of the discriminators alone."""
    bench = open_bench(a_run("cyclegan", network={"dropout": dropout}), settings, room_bytes=ROOM)
    players = bench.game.players
    whole, judging = deepcopy(bench.game.training), deepcopy(bench.game.training)
    judging.recipe = replace(judging.recipe, discriminator_lead=10**9)
    whole.step(bench.number, [bench.game.batch(bench.number)])
    judging.step(bench.number, [bench.game.batch(bench.number)])
    bench.take("g")
    assert equal(weights(bench.game.training, players["g"]), weights(whole, players["g"]))
    bench.undo()
    bench.take("d")
    assert equal(weights(bench.game.training, players["d"]), weights(judging, players["d"]))
    assert equal(weights(bench.game.training, players["g"]), weights(judging, players["g"]))


@both_families
def test_a_step_moves_its_own_player_alone(a_run, settings: Settings, family: str) -> None:
    bench = open_bench(a_run(family), settings, room_bytes=ROOM)
    start = {
        player: [value.clone() for value in weights(bench.game.training, bench.game.players[player])] for player in "dg"
    }
    done = bench.take("d")
    assert equal(start["g"], weights(bench.game.training, bench.game.players["g"]))
    assert not equal(start["d"], weights(bench.game.training, bench.game.players["d"]))
    assert (done.taken, bench.steps) == ({"d": 1, "g": 0}, {"d": 1, "g": 0})
    moved = weights(bench.game.training, bench.game.players["d"])
    moved = [value.clone() for value in moved]
    bench.take("g")
    assert equal(moved, weights(bench.game.training, bench.game.players["d"]))
    assert bench.steps == {"d": 1, "g": 1}


@both_families
def test_undo_and_reset_restore_every_tensor(a_run, settings: Settings, family: str) -> None:
    bench = open_bench(a_run(family), settings, room_bytes=ROOM)
    start, first = tensors(bench), bench.view()
    bench.take("d")
    after_d, view = tensors(bench), bench.view()
    bench.take("g")
    again = tensors(bench)
    assert bench.undo()
    assert same(tensors(bench), after_d)
    assert bench.steps == {"d": 1, "g": 0}
    assert bench.view() is view
    bench.take("g")
    assert same(tensors(bench), again)  # The kept state was not stepped in.
    bench.take("both", 3)
    bench.another_batch()
    assert bench.undo()
    assert same(tensors(bench), again)
    bench.reset()
    assert same(tensors(bench), start)
    assert bench.steps == {"d": 0, "g": 0}
    assert bench.view().losses == first.losses
    assert not bench.undo()
    bench.take("d")
    bench.reset()
    assert same(tensors(bench), start)


@both_families
def test_looking_changes_nothing(a_run, settings: Settings, family: str) -> None:
    """Batch norm's averages, spectral norm's vectors, the framework's generator and the run folder stay."""
    run = a_run(family)
    files = {path: hashlib.sha256(path.read_bytes()).digest() for path in run.path.rglob("*") if path.is_file()}
    before = torch.get_rng_state()
    bench = open_bench(run, settings, room_bytes=ROOM)
    start = tensors(bench)
    bench.view()
    bench.another_batch()
    assert same(tensors(bench), start)
    bench.take("both", 2)
    assert torch.equal(before, torch.get_rng_state())
    assert files == {path: hashlib.sha256(path.read_bytes()).digest() for path in run.path.rglob("*") if path.is_file()}


@both_families
def test_the_same_run_and_seed_give_the_same_pictures(a_run, settings: Settings, family: str) -> None:
    run = a_run(family)
    one, two = (open_bench(run, settings, room_bytes=ROOM) for _ in range(2))
    for bench in (one, two):
        bench.take("both")
        bench.another_batch()
    for a, b in zip(one.view().rows, two.view().rows, strict=True):
        assert torch.equal(a.values, b.values)
        assert a.scores == b.scores
    other = open_bench(run, settings, seed=9, room_bytes=ROOM)
    assert not torch.equal(
        other.view().rows[0].values, open_bench(run, settings, room_bytes=ROOM).view().rows[0].values
    )


def test_several_steps_learn_from_batches_of_their_own_and_show_the_same(settings: Settings) -> None:
    bench = open_bench(None, settings, room_bytes=ROOM)
    done = bench.take("d", 3)
    assert (bench.number, bench.used) == (0, 3)
    assert torch.equal(done.before.row("real").values, done.after.row("real").values)
    assert bench.another_batch().row("real").values.shape == done.after.row("real").values.shape
    assert bench.number == 4
    asked = iter([False, True])
    done = bench.take("both", 10, lambda: next(asked))
    assert done.taken == {"d": 2, "g": 2}


# What is told.


def test_the_losses_are_those_of_the_scores(settings: Settings, a_run) -> None:
    """Equation 1 of Goodfellow et al. and the non-saturating loss, from the probabilities that are shown."""
    bench = open_bench(a_run("dcgan"), settings, room_bytes=ROOM)
    done = bench.take("d")
    for view in (done.before, done.after):
        real, fake = (np.array(view.row(name).scores, dtype=np.float64) for name in ("real", "fake"))
        assert view.losses["loss_d"] == pytest.approx(-np.log(real).mean() - np.log(1 - fake).mean(), rel=1e-4)
        assert view.losses["loss_g"] == pytest.approx(-np.log(fake).mean(), rel=1e-4)
        assert view.apart("bce") == ((real > 0.5).sum() + (fake < 0.5).sum(), len(real) + len(fake))
    assert done.after.losses["loss_d"] < done.before.losses["loss_d"]


def test_the_loss_before_is_the_one_the_step_reports(settings: Settings, a_run) -> None:
    for family in FAMILIES:
        run = a_run(family)
        bench = open_bench(run, settings, room_bytes=ROOM)
        shown = bench.view().losses
        training = deepcopy(bench.game.training)
        reported = training.step(bench.number, [bench.game.batch(bench.number)])
        for name in {"dcgan": ["loss_d"], "cyclegan": ["loss_g", "loss_cycle_a", "loss_identity_b", "loss_g_ab"]}[
            family
        ]:
            assert shown[name] == float(reported[name])


def test_the_losses_of_cyclegan_by_their_formulas(settings: Settings, a_run) -> None:
    bench = open_bench(a_run("cyclegan"), settings, room_bytes=ROOM)
    view, nets = bench.view(), bench.game.training.modules
    row = {one.id: one.values for one in view.rows}
    with torch.no_grad():
        assert torch.allclose(nets["generator_ab"](row["a"]), row["ab"], atol=1e-5)
        assert torch.allclose(nets["generator_ba"](row["ab"]), row["aba"], atol=1e-5)
        real, fake = nets["discriminator_b"](row["b"]), nets["discriminator_b"](row["ab"])
    expected = 0.5 * (((real - 1) ** 2).mean() + (fake**2).mean())
    assert view.losses["loss_d_b"] == pytest.approx(float(expected), rel=1e-4)
    assert view.losses["loss_g_ab"] == pytest.approx(float(((fake - 1) ** 2).mean()), rel=1e-4)
    assert view.losses["loss_cycle_a"] == pytest.approx(float((row["aba"] - row["a"]).abs().mean()), rel=1e-5)
    assert view.row("ab").scores == pytest.approx(fake.mean((1, 2, 3)).tolist(), rel=1e-4, abs=1e-6)


def test_layers_tell_the_relative_change_and_the_gradient(settings: Settings, a_run) -> None:
    bench = open_bench(a_run("dcgan"), settings, room_bytes=ROOM)
    training = deepcopy(bench.game.training)
    old = training.discriminator.main[0].weight.detach().double().clone()
    done = bench.take("d")
    new = bench.game.training.discriminator.main[0].weight.detach().double()
    layer = done.layers[0]
    assert (layer.network, layer.name) == ("discriminator", "1. 3 → 8, 4 × 4")
    assert layer.change == pytest.approx(float((new - old).norm() / old.norm()), rel=1e-4)
    training.schedule(bench.number)
    training.discriminator_half(bench.number, [bench.game.batch(bench.number)], training.plan.draws(bench.number))
    assert layer.gradient == pytest.approx(float(training.discriminator.main[0].weight.grad.norm()), rel=1e-5)
    assert {layer.network for layer in done.layers} == {"discriminator"}
    assert "classes" in layer_titles(training.discriminator)["embed"]


def test_what_changed_is_the_difference_times_the_factor(settings: Settings, a_run) -> None:
    bench = open_bench(a_run("dcgan"), settings, room_bytes=ROOM)
    done = bench.take("g")
    picture, factor = done.changed["fake"]
    difference = done.after.row("fake").values - done.before.row("fake").values
    expected = ((difference * factor).clamp(-1, 1) + 1) * 127.5
    assert (picture.float() - expected).abs().max() <= 0.5 + 1e-3
    assert factor > 1
    assert done.changed["real"][0].unique().numel() == 1  # G's step moves neither the data nor where D looks on it.


# Every recipe and data that a run may have.


@pytest.mark.parametrize("loss", ["bce", "least-squares", "hinge", "wasserstein"])
@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_loss_has_a_formula_and_a_sentence(settings: Settings, tmp_path: Path, family: str, loss: str) -> None:
    if family == "cyclegan" and loss == "wasserstein":
        pytest.skip("not a loss of this family")
    recipe = {"loss": loss}
    if family == "dcgan":
        recipe |= {"clip": 0.1, "gradient_penalty_weight": 1.0, "r1_weight": 0.1, "real_target": 0.9}
    run = RunFolder(tmp_path / "run")
    run.create(config(family, 4, recipe=recipe))
    bench = open_bench(run, settings, room_bytes=ROOM)
    assert bench.source == "fresh"
    for kind in ("d", "g", "both"):
        assert bench.take(kind).told.endswith(".")
    formulas = bench.formulas()
    assert all(formulas[player]["text"] and "20" in formulas[player]["source"] for player in "dg")


SYMBOLS = [
    *(("D_B(G(a))", "f"), ("D_A(F(b))", "f"), ("D(G(z))", "f"), ("D_B(b)", "r"), ("D(x)", "r")),
    *(("−", "-"), ("²", "**2"), ("½ ", "0.5 * "), ("E[", "np.mean(["), ("]", "])"), ("max(", "np.maximum(")),
    *(("log(", "np.log("), ("log r", "np.log(r)"), ("log f", "np.log(f)")),
]


@pytest.mark.parametrize("loss", ["bce", "least-squares", "hinge", "wasserstein"])
def test_what_is_minimised_is_the_loss_that_stands_above_it(loss: str) -> None:
    """DCGAN's was written as something to maximise, so that a loss that rose read as progress."""
    on_real, on_fake = torch.tensor([1.3, -0.4, 0.6]), torch.tensor([-0.9, 0.2, -1.7])  # What D says.
    r, f = ((torch.sigmoid(x) if loss == "bce" else x).double().numpy() for x in (on_real, on_fake))

    def value(text: str) -> float:
        for symbol, python in SYMBOLS:
            text = text.replace(symbol, python)
        return float(eval(text, {"np": np, "r": r, "f": f}))

    of_d = float(ADVERSARIAL[loss].discriminator(on_real, on_fake))
    of_g = float(ADVERSARIAL[loss].generator(on_fake))
    texts = formulas("generator", Recipe(loss=loss))
    assert value(texts["d"]["text"].removeprefix("minimise ")) == pytest.approx(of_d, rel=1e-5)
    assert value(texts["g"]["text"].removeprefix("minimise ")) == pytest.approx(of_g, rel=1e-5)
    if loss != "wasserstein":
        d, fool = DOMAINS[loss]
        assert value(d.removeprefix("minimise ").partition(", and for")[0]) == pytest.approx(of_d / 2, rel=1e-5)
        assert value(fool) == pytest.approx(2 * of_g, rel=1e-5)


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_pictures_are_shown(settings: Settings, tmp_path: Path, channels: int) -> None:
    run = RunFolder(tmp_path / "run")
    run.create(config("dcgan", 4, channels=channels))
    done = open_bench(run, settings, room_bytes=ROOM).take("g")
    assert done.after.row("fake").values.shape[1] == channels
    assert done.after.row("fake").looks.shape[1] == 3
    assert done.changed["fake"][0].shape[1] == 3


def test_unbalanced_play_shows_who_wins(settings: Settings) -> None:
    bench = open_bench(None, settings, room_bytes=ROOM)
    for _ in range(6):
        done = bench.take("d", 10)
    assert "D has won" in done.told
    assert done.after.apart("bce") == (16, 16)
    bench.reset()
    for _ in range(12):
        done = bench.take("g")
    assert "G fools D" in done.told


def test_a_broken_game_says_so(settings: Settings) -> None:
    bench = open_bench(None, settings, room_bytes=ROOM)
    with torch.no_grad():
        bench.game.training.discriminator.main[0].weight.fill_(float("nan"))
    assert "no longer finite" in bench.take("d").told
