// Reads vectors.json on standard input and tells what the page's modules make of it, as JSON: in node, or imported by a page.

export async function answers(vectors, base) {
  const { along, normal } = await import(`${base}seeds.js`);
  const { checked, classWeights, dumps, latent, neighbours } = await import(`${base}recipes.js`);
  const { distance } = await import(`${base}walks.js`);
  const { about } = vectors;
  const recipes = [];
  for (const { recipe: given } of vectors.recipes) {
    const recipe = checked(given);
    const near = await neighbours(recipe, about, 0.4, 2);
    recipes.push({
      dumps: dumps(recipe),
      z: [...latent(recipe, about)],
      classes: [...classWeights(recipe, about)],
      neighbours: near.map((one) => one.latents),
    });
  }
  return {
    normal: vectors.normal.map(({ seed, numbers }) => [...normal(seed, numbers.length)]),
    recipes,
    ways: vectors.ways.map(({ mode, loop }) => along(vectors.keys, vectors.places, mode, loop).map((point) => [...point])),
    distances: vectors.distances.map(({ shape, seeds }) => {
      const count = shape[0] * shape[1] * shape[2];
      const [a, b] = seeds.map((seed) => normal(seed, 3 * 16 * 21).slice(0, count).map(Math.tanh));
      return distance(a, b, shape);
    }),
    latents_a_second: rate(normal),
  };
}

function rate(normal) {
  const count = 2000;
  const turn = () => {
    const began = performance.now();
    for (let seed = 0; seed < count; seed += 1) normal(String(seed * 7919), 100);
    return (1000 * count) / (performance.now() - began);
  };
  return Math.max(turn(), turn(), turn());
}

if (globalThis.process?.argv) {
  const text = await new Response(globalThis.process.stdin).text();
  console.log(JSON.stringify(await answers(JSON.parse(text), globalThis.process.argv[2])));
}
