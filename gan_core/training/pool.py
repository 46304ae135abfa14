"""ImagePool: a history of generated pictures for the discriminator (Shrivastava et al., 2017, section 2.3)."""

import torch
from torch import Tensor

from gan_core.draws import Draws


class ImagePool:
    """Keeps up to `capacity` pictures; once full, hands out an older one half of the time."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.pictures: list[Tensor] = []

    def swap(self, fresh: Tensor, draws: Draws) -> Tensor:
        """fresh (B, C, H, W), detached -> (B, C, H, W), each picture fresh or, with probability 1/2, an older one."""
        if self.capacity == 0:
            return fresh
        handed = []
        for picture in fresh:
            if len(self.pictures) < self.capacity:
                self.pictures.append(picture)
                handed.append(picture)
            elif draws.coin():
                place = draws.whole(self.capacity)
                handed.append(self.pictures[place])
                self.pictures[place] = picture
            else:
                handed.append(picture)
        return torch.stack(handed)

    def draw(self, count: int, draws: Draws) -> Tensor:
        """(count, C, H, W): pictures of the history, by chance."""
        return torch.stack([self.pictures[draws.whole(len(self.pictures))] for _ in range(count)])
