"""Recipes: all that makes a picture, in one value that fits into a file, an address or the picture itself.

A picture is drawn from  z = truncation * b + sum_k s_k d_k + sum_i e_i u_i  with the base b of a seed (or of a place
between four seeds, or a latent given number by number), directions d_k in standard deviations, and edits of single
latents u_i; a mix then lends it the look of a second seed. A recipe may come from a stranger: every entry is checked
where it is built. A translated photograph tells its model, direction and settings in the same way. Standard library
and Pillow alone.
"""

from gan_core.recipe.files import KEY, loads, read, weights_sha256
from gan_core.recipe.provenance import SOFTWARE, TRANSLATION_KEY, Made, embed, embed_png, made_here
from gan_core.recipe.translation import Translation
from gan_core.recipe.values import FORMAT, MAX_LATENTS, Mix, ModelRef, Recipe

__all__ = [
    "FORMAT",
    "KEY",
    "MAX_LATENTS",
    "SOFTWARE",
    "TRANSLATION_KEY",
    "Made",
    "Mix",
    "ModelRef",
    "Recipe",
    "Translation",
    "embed",
    "embed_png",
    "loads",
    "made_here",
    "read",
    "weights_sha256",
]
