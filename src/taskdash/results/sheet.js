"use strict";
// Cards of one verdict, and each card enlarged: a copy of it in the dialog, the arrow keys go on to its neighbours.
const cards = [...document.querySelectorAll("main > article")];
const filter = document.querySelector("form");
const large = document.querySelector("dialog");
let shown = null;

function choose() {
  const wanted = filter.elements.verdict.value;
  for (const card of cards) card.hidden = wanted !== "" && card.dataset.verdict !== wanted;
}

function enlarge(card) {
  shown = card;
  large.replaceChildren(card.cloneNode(true));
  const close = large.querySelector("button");
  close.setAttribute("aria-label", "Close");
  if (!large.open) large.showModal();
  close.focus();
}

document.addEventListener("click", (event) => {
  const card = event.target.closest("button")?.closest("article");
  if (event.target === large || (card && large.contains(card))) large.close();
  else if (card) enlarge(card);
});

document.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !large.open) return;
  const row = cards.filter((card) => !card.hidden);
  const next = row[row.indexOf(shown) + step];
  if (next) enlarge(next);
  event.preventDefault();
});

large.addEventListener("close", () => {
  const button = shown.querySelector("button");
  button.scrollIntoView({ block: "nearest" });
  button.focus();
  large.replaceChildren();
});

filter.addEventListener("change", choose);
filter.hidden = false;
choose();
