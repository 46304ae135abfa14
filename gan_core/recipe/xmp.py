"""XMP packets: the metadata that JPEG, PNG and WebP share and that other programs read.

Beside our own entry stand `xmp:CreatorTool` and the IPTC's DigitalSourceType, by which sites and viewers tell pictures
that a trained model made (IPTC Photo Metadata Standard; the terms are those of its Digital Source Type NewsCodes).
"""

import html
from collections.abc import Mapping

TOOL = "xmp:CreatorTool"
SOURCE_TYPE = "Iptc4xmpExt:DigitalSourceType"
RECIPE, TRANSLATION = "gan:recipe", "gan:translation"

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = _TERMS + "trainedAlgorithmicMedia"
TRANSLATED = _TERMS + "compositeWithTrainedAlgorithmicMedia"

MAX_BYTES = 2_000_000

_NAMESPACES = {
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "gan": "urn:gan-studio:recipe:1",
}


def packet(values: Mapping[str, str]) -> str:
    """A packet that holds the values, by their names."""
    spaces = "".join(f' xmlns:{prefix}="{address}"' for prefix, address in _NAMESPACES.items())
    body = "".join(f"<{name}>{html.escape(value, quote=False)}</{name}>" for name, value in values.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about=""{spaces}>{body}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def value(content: object, name: str) -> str | None:
    """One value of a packet, written as an element or, as other programs like it, as an attribute.

    A pattern instead of an XML parser: nothing in a stranger's packet is expanded.
    """
    if isinstance(content, str):
        content = content.encode(errors="replace")
    if not isinstance(content, bytes) or len(content) > MAX_BYTES:
        return None
    text = content.decode(errors="replace")
    for opening, closing in ((f"<{name}>", f"</{name}>"), (f'{name}="', '"'), (f"{name}='", "'")):
        start = text.find(opening)
        end = text.find(closing, start + len(opening)) if start >= 0 else -1
        if end >= 0:
            return html.unescape(text[start + len(opening) : end])
    return None
