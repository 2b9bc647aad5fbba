// Filters: conditions that pages must meet, for searches and answers, with counts of what each would find.

const NARROW = ["in-name", "kind", "year", "folder", "label", "since", "until", "first-page", "last-page"];
const KINDS = { photo: "photo", pdf: "PDF", office: "office file", book: "book", text: "text", drawing: "drawing", xps: "XPS" };

function filters() {
  const [name, kind, year, folder, label, since, until, first, last] = NARROW.map((id) => $(id).value.trim());
  return {
    ...(name ? { paths: [/[*?[]/.test(name) ? name : `*${name}*`] } : {}),
    ...(kind ? { kinds: [kind] } : {}),
    ...(folder ? { folder } : {}),
    ...(label ? { labels: [label] } : {}),
    ...(since || year ? { since: `${since || `${year}-01-01`}T00:00:00` } : {}),
    ...(until || year ? { until: `${until || `${year}-12-31`}T23:59:59` } : {}),
    ...(first ? { first_page: Number(first) } : {}),
    ...(last ? { last_page: Number(last) } : {}),
    ...(chosen.size ? { metadata: Object.fromEntries(chosen) } : {}),
  };
}

// The filters for the page's address, so that a link leads to the same pages.
function narrowed() {
  return Object.fromEntries(NARROW.map((id) => [id, $(id).value.trim()]).filter(([, value]) => value));
}

// How much work a search does; not a filter, but remembered in the page's address too.
function depth() {
  return $("depth").value === "normal" ? {} : { depth: $("depth").value };
}

function showFilterCount() {
  const count = Object.keys(narrowed()).length + chosen.size;
  $("narrowing").textContent = count ? t("Narrowed ({n})", { n: number(count) }) : t("Narrow");
  $("wide").hidden = !count;
}

// Sets a choice to a value, also one that it does not list.
function setChoice(id, value) {
  const select = $(id);
  if (![...select.options].some((one) => one.value === value)) select.append(make("option", { value, textContent: value }));
  select.value = value;
}

// Sets the controls to the filters, the depth and the order of an address.
function narrowBy(given) {
  chosen.clear();
  for (const [name, condition] of given) if (name.startsWith("where.")) chosen.set(name.slice("where.".length), condition);
  setChoice("sort", given.get("sort") || "");
  for (const id of NARROW) {
    const value = given.get(id) || "";
    if ($(id).tagName === "SELECT") setChoice(id, value);
    else $(id).value = value;
  }
  $("depth").value = ["quick", "thorough"].includes(given.get("depth")) ? given.get("depth") : "normal";
  if (Object.keys(narrowed()).length) $("narrow").open = true;
  showFilterCount();
}

let currentCounts = null; // identifies the last request

// Fills the choices with what each would find.
const showCounts = reportErrors(async () => {
  const now = currentCounts = {};
  const counts = await (await post(inside("/counts"), { filters: filters() })).json();
  if (now !== currentCounts) return;
  const years = Object.entries(counts.years).sort(([one], [other]) => other - one);
  choices("kind", Object.entries(counts.kinds), (kind) => t(KINDS[kind] || kind));
  choices("year", years);
  choices("folder", Object.entries(counts.folders).filter(([name]) => name));
  choices("label", Object.entries(counts.labels));
});

function choices(id, entries, name = (value) => value) {
  const { value } = $(id);
  $(id).replaceChildren(make("option", { value: "", textContent: t("any") }), ...entries.map(([one, count]) => make("option", { value: one, textContent: `${name(one)} (${number(count)})` })));
  setChoice(id, value);
  $(id).parentElement.hidden = !entries.length && !value;
}

// Repeats the search or the question that is shown, with the filters as they are now.
function again() {
  showFilterCount();
  const parts = [...addressed()].filter(([name]) => name === "ask");
  go(fieldsOf(parts.length ? parts : [["q", $("query").value.trim()]].filter(([, words]) => words)), { again: true });
}

for (const id of [...NARROW, "depth"]) $(id).addEventListener("change", again);
$("narrow").addEventListener("toggle", () => $("narrow").open && showCounts());
$("wide").addEventListener("click", () => {
  clearFacets();
  narrowBy(new URLSearchParams());
  $("narrow").open = false;
  again();
});
