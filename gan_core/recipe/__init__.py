"""Recipes: all that makes a picture, in one value that fits into a file, an address or the picture itself.

A picture is drawn from  z = truncation * b + sum_k s_k d_k + sum_i e_i u_i  with the base b of a seed (or of a place
between four seeds, or a latent given number by number), directions d_k in standard deviations, and edits of single
latents u_i; a mix then lends it the look of a second seed. A recipe may come from a stranger: every entry is checked
where it is built. Standard library and Pillow alone.
"""

from gan_core.recipe.files import KEY, embed, embed_png, loads, read, weights_sha256
from gan_core.recipe.values import FORMAT, MAX_LATENTS, Mix, ModelRef, Recipe

__all__ = [
    "FORMAT",
    "KEY",
    "MAX_LATENTS",
    "Mix",
    "ModelRef",
    "Recipe",
    "embed",
    "embed_png",
    "loads",
    "read",
    "weights_sha256",
]
