// Of the choices in `value`, the one whose button is pressed becomes the chosen one.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-value]");
  if (!button) return;
  props.value = props.value.map((choice) => ({ ...choice, chosen: choice.key === button.dataset.value }));
  trigger("select");
});
