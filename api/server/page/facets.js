// Facets: the values of metadata tables with their counts, as filters; and the field that pages are sorted by.

const chosen = new Map(); // field -> the condition on it
const SHOWN_VALUES = 10; // buttons of a facet

function choose(field, condition) {
  if (condition) chosen.set(field, condition);
  else chosen.delete(field);
  again();
}

function clearFacets() {
  chosen.clear();
  $("sort").value = "";
  $("facets").replaceChildren();
}

function showFacets(facets) {
  $("sorting").hidden = !facets.length;
  const sort = $("sort").value;
  const names = facets.flatMap(({ field }) => [[field, `${field} ↑`], [`-${field}`, `${field} ↓`]]);
  $("sort").replaceChildren(...[["", t("best first")], ...names].map(([value, textContent]) => make("option", { value, textContent })));
  $("sort").value = sort;
  const shown = facets.filter((facet) => facet.files || chosen.has(facet.field));
  $("facets").replaceChildren(...shown.map((facet) => (facet.minimum === null ? values(facet) : range(facet))));
}

function values({ field, values: all }) {
  const found = all.slice(0, SHOWN_VALUES).map(({ value, files }) => [String(value), `${value} ${number(files)}`]);
  const now = chosen.get(field);
  if (now && !found.some(([value]) => value === now)) found.unshift([now, now]);
  const buttons = found.map(([value, textContent]) => {
    const button = make("button", { type: "button", className: "quiet", textContent, ariaPressed: String(value === now) });
    button.addEventListener("click", () => choose(field, value === now ? "" : value));
    return button;
  });
  return make("div", { className: "bar" }, make("span", { className: "faint", textContent: field }), ...buttons);
}

function range({ field, type, minimum, maximum }) {
  const [low, high] = (chosen.get(field) || "..").split("..");
  const ends = [[low, minimum, t("from")], [high, maximum, t("to")]].map(([value, placeholder, end]) =>
    make("input", { type: "text", value, placeholder, ariaLabel: `${field} ${end}`, className: type }));
  for (const input of ends) {
    input.addEventListener("change", () => {
      const [from, to] = ends.map((one) => one.value.trim());
      choose(field, from || to ? `${from}..${to}` : "");
    });
  }
  return make("div", { className: "bar" }, make("span", { className: "faint", textContent: field }), ends[0], t("to"), ends[1]);
}

// What a metadata table says of a hit, for its card.
function factsOf(hit) {
  const facts = Object.values(hit.fields).map((value) => [value].flat().join(", ")).filter((text) => text.length <= 40);
  return facts.length ? [facts.join(" · ")] : [];
}

$("sort").addEventListener("change", () => again());
