"""Trained models in use: `Generator` (latents to pictures) and `Translator` (pictures to pictures)."""
