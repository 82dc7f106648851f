// A tap on a point of the map shows its text, for those who have no pointer to hover with.
const shown = document.querySelector("#map-text");
document.querySelector("#map svg")?.addEventListener("click", (event) => {
  const circle = event.target.closest("circle");
  if (circle && shown) shown.textContent = circle.querySelector("title").textContent;
});
