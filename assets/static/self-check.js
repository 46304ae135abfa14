// What `gan-core deploy` asks of a bundle before it goes anywhere: each generator draws, each translator paints.

const SEED = "7";

/** Smallest and largest level of red, green and blue. */
function span(bytes) {
  let [low, high] = [255, 0];
  for (let i = 0; i < bytes.length; i += 4) {
    for (let c = 0; c < 3; c += 1) {
      low = Math.min(low, bytes[i + c]);
      high = Math.max(high, bytes[i + c]);
    }
  }
  return { low, high };
}

async function pixels(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const context = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext("2d");
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, image.naturalWidth, image.naturalHeight);
}

/** {pictures, paintings, error}: error is the sentence of the first that failed, or null. */
export async function check({ models, serverOf }) {
  const [pictures, paintings] = [[], []];
  try {
    for (const { name, sha256 } of models.filter((one) => one.kind === "generator")) {
      const recipe = { format: 1, model: { name, sha256 }, seed: SEED, truncation: 1, label: null, directions: {}, latents: {} };
      const { url } = await (await serverOf("explore")).draw({ recipe, live: false });
      const { data, width, height } = await pixels(url);
      pictures.push({ model: name, width, height, ...span(data) });
    }
    if (models.some((one) => one.kind === "translator")) {
      for (const { model, direction, full } of await (await serverOf("paint")).check()) {
        paintings.push({ model, direction, width: full.width, height: full.height, ...span(full.data) });
      }
    }
    return { pictures, paintings, error: null };
  } catch (error) {
    return { pictures, paintings, error: String(error?.message ?? error) };
  }
}
