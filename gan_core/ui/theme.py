"""The look of Gradio's own parts: neutral greys, one accent, one radius."""

import gradio as gr
from gradio.themes import Color
from gradio.themes.utils.fonts import LocalFont

ACCENT = Color(
    name="accent",
    c50="#eef7f6",
    c100="#d5ebe8",
    c200="#abd7d2",
    c300="#7cc0b9",
    c400="#4fb3a9",
    c500="#2a8f86",
    c600="#0f766e",
    c700="#0c5f59",
    c800="#0a4b47",
    c900="#083c39",
    c950="#042523",
)
GREY = Color(
    name="grey",
    c50="#fafafa",
    c100="#f4f4f5",
    c200="#e4e4e7",
    c300="#d1d1d6",
    c400="#9b9ba3",
    c500="#6b6b74",
    c600="#52525b",
    c700="#3a3a41",
    c800="#26262b",
    c900="#19191c",
    c950="#111113",
)


def theme() -> gr.themes.Base:
    # The bundled SemiBold faces hold no ASCII letters in Gradio 6.31: only regular and bold are asked for.
    base = gr.themes.Default(
        primary_hue=ACCENT,
        secondary_hue=ACCENT,
        neutral_hue=GREY,
        radius_size=gr.themes.sizes.radius_sm,
        spacing_size=gr.themes.sizes.spacing_md,
        font=[LocalFont("Source Sans Pro", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[LocalFont("IBM Plex Mono", weights=(400, 700)), "monospace"],
    )
    return base.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_padding="0px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_text_weight="400",
        block_title_text_color="*neutral_600",
        block_title_text_color_dark="*neutral_300",
        block_title_text_size="*text_sm",
        block_label_text_size="*text_sm",
        panel_background_fill="transparent",
        panel_background_fill_dark="transparent",
        input_background_fill="white",
        input_background_fill_dark="*neutral_800",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_shadow="none",
        input_shadow_focus="none",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_border_width="1px",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_primary_border_color="*primary_600",
        button_primary_border_color_dark="*primary_600",
        button_primary_shadow="none",
        button_secondary_shadow="none",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
    )
