// Filters: conditions that pages must meet, for searches and answers.

const NARROW = ["in-name", "kind", "since", "until", "first-page", "last-page"];

function filters() {
  const [name, kind, since, until, first, last] = NARROW.map((id) => $(id).value.trim());
  return {
    ...(name ? { paths: [/[*?[]/.test(name) ? name : `*${name}*`] } : {}),
    ...(kind ? { kinds: kind.split(" ") } : {}),
    ...(since ? { since: `${since}T00:00:00` } : {}),
    ...(until ? { until: `${until}T23:59:59` } : {}),
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
  $("narrowing").textContent = count ? `Narrowed (${count})` : "Narrow";
  $("wide").hidden = !count;
}

// Sets the controls to the filters, the depth and the order of an address.
function narrowBy(given) {
  chosen.clear();
  for (const [name, condition] of given) if (name.startsWith("where.")) chosen.set(name.slice("where.".length), condition);
  const sort = given.get("sort") || "";
  if (![...$("sort").options].some((one) => one.value === sort)) $("sort").append(make("option", { value: sort, textContent: sort }));
  $("sort").value = sort;
  for (const id of NARROW) $(id).value = given.get(id) || "";
  $("depth").value = ["quick", "thorough"].includes(given.get("depth")) ? given.get("depth") : "normal";
  if (Object.keys(narrowed()).length) $("narrow").open = true;
  showFilterCount();
}

// Repeats the search or the question that is shown, with the filters as they are now.
function again() {
  showFilterCount();
  const parts = [...addressed()].filter(([name]) => name === "ask");
  if (parts.length || $("query").value.trim() || image || chosen.size) go(fieldsOf(parts.length ? parts : [["q", $("query").value.trim()]]), { again: true });
}

for (const id of [...NARROW, "depth"]) $(id).addEventListener("change", again);
$("wide").addEventListener("click", () => {
  clearFacets();
  narrowBy(new URLSearchParams());
  $("narrow").open = false;
  again();
});
