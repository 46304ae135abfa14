import copy

import pytest
import torch
from torch import nn

from gan_core.training.ema import follow, follower, recalibrate


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def test_a_follower_is_a_copy_that_is_not_trained():
    trained = network()
    average = follower(trained)
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert all(parameter.requires_grad for parameter in trained.parameters())
    with torch.no_grad():
        trained[0].weight.zero_()
    assert average[0].weight.any()


@pytest.mark.parametrize(
    ("decay", "step", "expected"),
    [(0.9, 10**6, 0.9), (0.999, 0, 0.1), (0.999, 8, 0.5), (0.999, 980, 981 / 990), (0.0, 5, 0)],
)
def test_one_step_of_the_average(decay, step, expected):
    """average <- d average + (1 - d) network, with a decay that grows in a young run."""
    trained = network()
    average = follower(trained)
    before = copy.deepcopy(average.state_dict())
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.add_(torch.randn_like(parameter))
    follow(average, trained, decay, step)
    for name, parameter in average.named_parameters():
        now = dict(trained.named_parameters())[name]
        torch.testing.assert_close(parameter, expected * before[name] + (1 - expected) * now.detach(), msg=name)


def test_buffers_are_copied_whole_numbers_too():
    trained = network().train()
    average = follower(trained)
    trained(torch.randn(4, 2, 8, 8))
    follow(average, trained, 0.999, 10**6)
    assert average[1].num_batches_tracked == 1
    assert torch.equal(average[1].running_mean, trained[1].running_mean)
    assert average[1].running_mean.data_ptr() != trained[1].running_mean.data_ptr()


def test_many_steps_come_to_the_weighted_sum_of_all_weights():
    trained = nn.Linear(1, 1, bias=False)
    average = follower(trained)
    first = average.weight.item()
    expected = first
    for step in range(50):
        with torch.no_grad():
            trained.weight.fill_(step)
        follow(average, trained, 0.9, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert average.weight.item() == pytest.approx(expected, rel=1e-5)


def test_networks_without_buffers_follow_too():
    trained = nn.Linear(2, 2)
    average = follower(trained)
    follow(average, trained, 0.5, 100)
    torch.testing.assert_close(average.weight, trained.weight)


def test_recalibration_measures_the_true_statistics():
    """Against means and variances of the activations over all batches, computed layer by layer."""
    measured = network().eval()
    with torch.no_grad():
        for norm in (measured[1], measured[4]):
            norm.running_mean.fill_(99)
            norm.running_var.fill_(99)
    generator = torch.Generator().manual_seed(1)
    inputs = [(torch.randn(16, 2, 8, 8, generator=generator) * 3 + 1,) for _ in range(5)]
    recalibrate(measured, inputs)
    with torch.no_grad():
        first = [measured[0](x) for (x,) in inputs]
        weight, bias = measured[1].weight[:, None, None], measured[1].bias[:, None, None]
        normed = [
            (h - h.mean((0, 2, 3), keepdim=True)) / (h.var((0, 2, 3), keepdim=True, correction=0) + 1e-5).sqrt()
            for h in first
        ]
        second = [measured[3](torch.relu(h * weight + bias)) for h in normed]
    for norm, activations in ((measured[1], first), (measured[4], second)):
        torch.testing.assert_close(norm.running_mean, torch.stack([h.mean((0, 2, 3)) for h in activations]).mean(0))
        torch.testing.assert_close(norm.running_var, torch.stack([h.var((0, 2, 3)) for h in activations]).mean(0))
        assert norm.momentum == 0.1, "as it was"
        assert norm.num_batches_tracked == 5
    assert not measured.training


def test_recalibration_leaves_weights_and_mode_alone():
    measured = network().train()
    before = [parameter.clone() for parameter in measured.parameters()]
    recalibrate(measured, [(torch.randn(2, 2, 8, 8),)])
    assert measured.training
    assert all(torch.equal(a, b) for a, b in zip(before, measured.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in measured.parameters())


def test_networks_without_batch_norm_are_not_even_run():
    class Never(nn.Module):
        def forward(self, _):
            raise AssertionError

    never = Never()
    recalibrate(never, [(torch.zeros(1),)])
    assert never.training
