// The XMP packet that tells other programs how a picture was made: see gan_core/recipe/xmp.py.

/** Its keyword among a PNG's texts. */
export const XMP = "XML:com.adobe.xmp";
/** What stands before it in a JPEG's segment. */
export const JPEG_XMP = "http://ns.adobe.com/xap/1.0/\0";
const SPACES = {
  xmp: "http://ns.adobe.com/xap/1.0/",
  Iptc4xmpExt: "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
  gan: "urn:gan-studio:recipe:1",
};
const SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/";

/** source: a term of IPTC for where a picture comes from; more: further values by their qualified names. */
export function packet(software, source, more = {}) {
  const values = { "xmp:CreatorTool": software, "Iptc4xmpExt:DigitalSourceType": SOURCES + source, ...more };
  const spaces = Object.entries(SPACES).map(([prefix, address]) => ` xmlns:${prefix}="${address}"`);
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const body = Object.entries(values).map(([name, text]) => `<${name}>${escaped(text)}</${name}>`);
  return (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">' +
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
    `<rdf:Description rdf:about=""${spaces.join("")}>${body.join("")}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
  );
}
