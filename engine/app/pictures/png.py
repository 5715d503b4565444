"""A drawing as PNG, from its SVG."""

from __future__ import annotations

from engine.app.pictures.layout import DrawMissing

SCALE = 2.0


def png(svg: str) -> bytes:
    """Paint an SVG, twice as large as it says, so that it is sharp on fine screens. Raises DrawMissing.

    Letters that the font brought along lacks (ideographs, emoji) are taken from the machine's fonts, and are empty
    frames where it has none.
    """
    try:
        import font_roboto
        import resvg_py
    except ImportError as missing:
        raise DrawMissing(str(missing.name)) from None
    files = [font_roboto.font_files["Roboto"], font_roboto.font_files["RobotoBold"]]
    return resvg_py.svg_to_bytes(svg_string=svg, zoom=SCALE, font_files=files, sans_serif_family="Roboto")
