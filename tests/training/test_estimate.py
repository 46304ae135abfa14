"""Estimates: operations and bytes against independent counts, and limits of what is measured."""

import json
import os
import subprocess
import sys

import pytest
import torch

from gan_core.config import RunConfig, train_config
from gan_core.errors import ConfigError
from gan_core.models import get_networks
from gan_core.training.counting import META, Facts, check_fit, cost, make
from gan_core.training.estimate import estimate, smaller

SMALL = {"generator_features": 8, "discriminator_features": 8}


def config_of(family="dcgan", *, size=32, batch=4, steps=100, network=None, **recipe):
    train = train_config(family, data="shapes", size=size, batch=batch, steps=steps)
    return RunConfig(family=family, train=train, network={**SMALL, **(network or {})}, recipe=recipe)


def forward_flops(network, *inputs):
    """Twice the multiplications of each convolution, from the sizes of its output and its kernel."""
    found = []

    def hook(layer, given, output):
        if isinstance(layer, torch.nn.ConvTranspose2d):
            pixels = given[0].shape[2] * given[0].shape[3]
            found.append(2 * given[0].shape[0] * pixels * layer.weight.numel())
        elif isinstance(layer, torch.nn.Conv2d):
            found.append(2 * output.shape[0] * output.shape[2] * output.shape[3] * layer.weight.numel())

    handles = [layer.register_forward_hook(hook) for layer in network.modules()]
    with torch.no_grad():
        network(*inputs)
    for handle in handles:
        handle.remove()
    return sum(found)


def test_operations_of_a_dcgan_step():
    """D is computed forward three times and backward three times; a backward pass costs up to two forward ones."""
    config = config_of()
    networks = get_networks("dcgan").build(get_networks("dcgan").Network(size=32, **SMALL))
    g = forward_flops(networks["generator"], torch.randn(4, 100))
    d = forward_flops(networks["discriminator"], torch.randn(4, 3, 32, 32))
    found = cost(config, Facts())
    # G forward and backward (3 g); D on real and fake with both gradients (2 x 3 d), and once more for G, where the
    # weights need none (2 d). The first layers lack one of the gradients.
    whole = 3 * g + 8 * d
    assert 0.75 * whole < found.step_flops <= whole


def test_operations_grow_with_batch_and_bytes_with_weights():
    one, two = cost(config_of(batch=4), Facts()), cost(config_of(batch=8), Facts())
    assert two.step_flops == pytest.approx(2 * one.step_flops, rel=0.01)
    networks = get_networks("dcgan").build(get_networks("dcgan").Network(size=32, **SMALL))
    weights = 4 * sum(parameter.numel() for network in networks.values() for parameter in network.parameters())
    assert one.bytes > 4 * weights, "weights, gradients and two moments"
    assert two.bytes > one.bytes, "activations"


def test_a_penalty_now_and_then_costs_its_share():
    plain, often, seldom = (
        cost(config_of(r1_weight=weight, r1_interval=every), Facts()).step_flops
        for weight, every in ((0.0, 16), (1.0, 2), (1.0, 16))
    )
    assert plain < seldom < often
    assert often - plain == pytest.approx(8 * (seldom - plain), rel=0.01)


def test_classes_and_translators_are_counted():
    conditional = config_of()
    conditional = RunConfig(
        family="dcgan",
        train=train_config("dcgan", data="shapes", size=32, batch=4, conditional=True),
        network=SMALL,
        recipe={"loss": "hinge"},
    )
    assert cost(conditional, Facts(classes=4)).step_flops > 0
    small = {"blocks": 2, "discriminator_layers": 2}
    both = cost(config_of("cyclegan", batch=1, network=small), Facts())
    less = cost(config_of("cyclegan", batch=1, network=small, identity_weight=0.0), Facts())
    assert 0.5 < less.step_flops / both.step_flops < 0.85, "the identity loss takes about a third"
    assert both.sample_flops > 0
    assert both.measure_flops > both.sample_flops


def test_what_does_not_fit_is_told_by_its_flag():
    with pytest.raises(ConfigError, match=r"^--size 30 "):
        check_fit(config_of("cyclegan", size=30, batch=1), Facts())
    with pytest.raises(ConfigError, match=r"^--size is 48"):
        check_fit(config_of(size=48), Facts())


def test_large_steps_are_measured_small():
    config = config_of(size=128, batch=64, network={"generator_features": 64, "discriminator_features": 64})
    whole = cost(config, Facts()).step_flops
    shrunk, flops = smaller(config, Facts(), whole, 1e9)
    assert shrunk["batch"] < 64
    assert flops < whole / 20
    same, flops = smaller(config, Facts(), 1e8, 1e9)
    assert (same, flops) == ({"size": 128, "batch": 64}, 1e8)


def test_counting_computes_nothing():
    training = make(config_of(), Facts(), META)
    assert all(parameter.is_meta for module in training.modules.values() for parameter in module.parameters())


def test_estimate_is_near_a_real_step():
    """Generous here, where other tests run at the same time; RESULTS.md has the real comparison."""
    import time

    config = config_of(size=32, batch=16)
    known = {}
    found = estimate(config, Facts(), known=known)
    training = make(config, Facts(), torch.device("cpu"))
    from gan_core.training.counting import noise

    batches = [noise(training, Facts(), False)]
    spans = []
    for step in range(6):
        began = time.perf_counter()
        training.step(step, batches)
        spans.append(time.perf_counter() - began)
    assert min(spans) / 10 < found.step_s < max(spans) * 10
    assert found.total_s > 100 * found.step_s
    assert 0 < found.memory_bytes < found.memory_total_bytes
    longer = estimate(config_of(size=32, batch=16, steps=200), Facts(), known=known)
    assert len(known) == 1, "what was measured is used again"
    assert longer.step_s == found.step_s
    assert longer.total_s > found.total_s


def test_process_answers_lines_and_survives_what_cannot_be():
    good = {"config": config_of(size=16, batch=2).to_json(), "facts": {"channels": 3, "classes": 0, "pictures": 4096}}
    bad = {"config": config_of("cyclegan", size=16, batch=1).to_json(), "facts": {}}
    done = subprocess.run(
        [sys.executable, "-m", "gan_core.training.estimate"],
        input="".join(json.dumps(one) + "\n" for one in (bad, good)),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["error"].startswith("--size 16")
    assert second["step_s"] > 0
    assert second["device"].startswith("CPU")
