"""The yardstick: the published DCGAN and CycleGAN recipes, written plainly and without `gan_core`.

Networks as one `nn.Sequential`, eager float32, Adam with the library's defaults, a forward pass for each term, the
losses read back to the host at each step. DCGAN as in pytorch/examples: real and generated pictures have a backward
pass of their own, and the generator's pass also computes the discriminator's gradients, which nobody uses. CycleGAN as
in the authors' code: discriminators frozen in the generators' update, identity loss, pools of 50 pictures, one backward
pass for both generators and one for each discriminator.
"""

import random
from itertools import chain

import torch
from torch import Tensor, nn

LR, BETAS = 2e-4, (0.5, 0.999)


# DCGAN


def dcgan_generator(latent_dim: int = 100, features: int = 64, channels: int = 3) -> nn.Sequential:
    """z (B, latent_dim, 1, 1) -> (B, channels, 64, 64)."""
    layers: list[nn.Module] = []
    inputs, stride, padding = latent_dim, 1, 0
    for width in (8 * features, 4 * features, 2 * features, features):
        layers += [nn.ConvTranspose2d(inputs, width, 4, stride, padding, bias=False), nn.BatchNorm2d(width)]
        layers += [nn.ReLU(True)]
        inputs, stride, padding = width, 2, 1
    return nn.Sequential(*layers, nn.ConvTranspose2d(features, channels, 4, 2, 1, bias=False), nn.Tanh())


def dcgan_discriminator(features: int = 64, channels: int = 3) -> nn.Sequential:
    """x (B, channels, 64, 64) -> probabilities (B, 1, 1, 1)."""
    layers: list[nn.Module] = [nn.Conv2d(channels, features, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for level in (1, 2, 4):
        layers += [nn.Conv2d(level * features, 2 * level * features, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(2 * level * features), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * features, 1, 4, 1, 0, bias=False), nn.Sigmoid())


class DcganRecipe:
    """The loop body of the DCGAN example."""

    def __init__(self, *, device: torch.device, latent_dim: int = 100, features: int = 64, channels: int = 3) -> None:
        self.device, self.latent_dim = device, latent_dim
        self.generator = dcgan_generator(latent_dim, features, channels).apply(_initialize).to(device)
        self.discriminator = dcgan_discriminator(features, channels).apply(_initialize).to(device)
        self.optimizer_g = torch.optim.Adam(self.generator.parameters(), lr=LR, betas=BETAS)
        self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), lr=LR, betas=BETAS)
        self.criterion = nn.BCELoss()

    def step(self, real: Tensor, noise: Tensor | None = None) -> dict[str, float]:
        """real (B, C, 64, 64) in [-1, 1]; noise (B, latent_dim) instead of new noise."""
        batch = len(real)
        label = torch.full((batch,), 1.0, device=self.device)

        # Maximise log D(x) + log(1 - D(G(z))).
        self.discriminator.zero_grad()
        output = self.discriminator(real).view(-1)
        loss_real = self.criterion(output, label)
        loss_real.backward()
        d_real = output.mean().item()
        noise = torch.randn(batch, self.latent_dim, device=self.device) if noise is None else noise
        fake = self.generator(noise[:, :, None, None])
        label.fill_(0.0)
        output = self.discriminator(fake.detach()).view(-1)
        loss_fake = self.criterion(output, label)
        loss_fake.backward()
        d_fake = output.mean().item()
        loss_d = loss_real + loss_fake
        self.optimizer_d.step()

        # Maximise log D(G(z)).
        self.generator.zero_grad()
        label.fill_(1.0)
        output = self.discriminator(fake).view(-1)
        loss_g = self.criterion(output, label)
        loss_g.backward()
        self.optimizer_g.step()
        return {"loss_g": loss_g.item(), "loss_d": loss_d.item(), "d_real": d_real, "d_fake": d_fake}


# CycleGAN


class Block(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(features, features, 3), nn.InstanceNorm2d(features)]
        other = [nn.ReflectionPad2d(1), nn.Conv2d(features, features, 3), nn.InstanceNorm2d(features)]
        self.conv_block = nn.Sequential(*half, nn.ReLU(True), *other)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


def cyclegan_generator(features: int = 64, blocks: int = 9, channels: int = 3) -> nn.Sequential:
    """x (B, channels, H, W) -> the same shape."""
    f = features
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(channels, f, 7), nn.InstanceNorm2d(f), nn.ReLU(True)]
    for width in (f, 2 * f):
        layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), nn.InstanceNorm2d(2 * width), nn.ReLU(True)]
    layers += [Block(4 * f) for _ in range(blocks)]
    for width in (4 * f, 2 * f):
        layers += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1)]
        layers += [nn.InstanceNorm2d(width // 2), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(f, channels, 7), nn.Tanh())


def cyclegan_discriminator(features: int = 64, channels: int = 3) -> nn.Sequential:
    """x (B, channels, H, W) -> logits (B, 1, H / 8 - 2, W / 8 - 2), each for a patch of 70 x 70 px."""
    layers: list[nn.Module] = [nn.Conv2d(channels, features, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for level, stride in ((1, 2), (2, 2), (4, 1)):
        layers += [nn.Conv2d(level * features, 2 * level * features, 4, stride, 1)]
        layers += [nn.InstanceNorm2d(2 * level * features), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * features, 1, 4, 1, 1))


class Pool:
    """Fifty older pictures; once full, a random one is swapped in half of the time."""

    def __init__(self, capacity: int = 50) -> None:
        self.capacity, self.pictures = capacity, []

    def query(self, pictures: Tensor) -> Tensor:
        handed = []
        for picture in pictures:
            picture = picture[None]
            if len(self.pictures) < self.capacity:
                self.pictures.append(picture)
            elif random.random() > 0.5:
                place = random.randrange(self.capacity)
                picture, self.pictures[place] = self.pictures[place], picture
            handed.append(picture)
        return torch.cat(handed)


class CycleganRecipe:
    """`optimize_parameters` of the authors' implementation."""

    def __init__(
        self,
        *,
        device: torch.device,
        features: int = 64,
        blocks: int = 9,
        discriminator_features: int = 64,
        channels: int = 3,
    ) -> None:
        self.g_ab, self.g_ba = (
            cyclegan_generator(features, blocks, channels).apply(_initialize).to(device) for _ in range(2)
        )
        self.d_a, self.d_b = (
            cyclegan_discriminator(discriminator_features, channels).apply(_initialize).to(device) for _ in range(2)
        )
        self.optimizer_g = torch.optim.Adam(chain(self.g_ab.parameters(), self.g_ba.parameters()), lr=LR, betas=BETAS)
        self.optimizer_d = torch.optim.Adam(chain(self.d_a.parameters(), self.d_b.parameters()), lr=LR, betas=BETAS)
        self.pool_a, self.pool_b = Pool(), Pool()
        self.adversarial, self.l1 = nn.MSELoss(), nn.L1Loss()

    def step(self, a: Tensor, b: Tensor) -> dict[str, float]:
        """a, b (B, C, H, W) in [-1, 1]."""
        fake_b = self.g_ab(a)
        back_a = self.g_ba(fake_b)
        fake_a = self.g_ba(b)
        back_b = self.g_ab(fake_a)

        # Generators.
        for parameter in chain(self.d_a.parameters(), self.d_b.parameters()):
            parameter.requires_grad = False
        self.optimizer_g.zero_grad()
        identity_b = self.l1(self.g_ab(b), b)
        identity_a = self.l1(self.g_ba(a), a)
        loss_g_ab = self._adversarial(self.d_b(fake_b), True)
        loss_g_ba = self._adversarial(self.d_a(fake_a), True)
        cycle_a, cycle_b = self.l1(back_a, a), self.l1(back_b, b)
        loss_g = loss_g_ab + loss_g_ba + 10 * cycle_a + 10 * cycle_b + 5 * identity_a + 5 * identity_b
        loss_g.backward()
        self.optimizer_g.step()

        # Discriminators.
        for parameter in chain(self.d_a.parameters(), self.d_b.parameters()):
            parameter.requires_grad = True
        self.optimizer_d.zero_grad()
        loss_d_a = self._discriminate(self.d_a, a, self.pool_a.query(fake_a.detach()))
        loss_d_b = self._discriminate(self.d_b, b, self.pool_b.query(fake_b.detach()))
        self.optimizer_d.step()
        losses = {
            "loss_g": loss_g,
            "loss_g_ab": loss_g_ab,
            "loss_g_ba": loss_g_ba,
            "loss_cycle_a": cycle_a,
            "loss_cycle_b": cycle_b,
            "loss_identity_a": identity_a,
            "loss_identity_b": identity_b,
            "loss_d_a": loss_d_a,
            "loss_d_b": loss_d_b,
        }
        return {name: value.item() for name, value in losses.items()}

    def _adversarial(self, logits: Tensor, real: bool) -> Tensor:
        return self.adversarial(logits, torch.full_like(logits, float(real)))

    def _discriminate(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        loss_real = self._adversarial(discriminator(real), True)
        loss_fake = self._adversarial(discriminator(fake), False)
        loss = 0.5 * (loss_real + loss_fake)
        loss.backward()
        return loss


def _initialize(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)
