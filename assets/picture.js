// A download link hands over the picture that is shown, which is a lossless PNG already.
element.addEventListener("click", (event) => {
  const link = event.target.closest("a[download]");
  const image = element.querySelector("img");
  if (link && image) link.href = image.src;
});
