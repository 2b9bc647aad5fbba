// Filters: conditions that pages must meet, for searches and answers.

const NARROW = ["in-name", "kind", "since", "until"];

function filters() {
  const [name, kind, since, until] = NARROW.map((id) => $(id).value.trim());
  return {
    ...(name ? { paths: [/[*?[]/.test(name) ? name : `*${name}*`] } : {}),
    ...(kind ? { kinds: kind.split(" ") } : {}),
    ...(since ? { since: `${since}T00:00:00` } : {}),
    ...(until ? { until: `${until}T23:59:59` } : {}),
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

function narrowBy(given) {
  for (const id of NARROW) $(id).value = given.get(id) || "";
  $("depth").value = ["quick", "thorough"].includes(given.get("depth")) ? given.get("depth") : "normal";
  $("narrow").open = Object.keys(narrowed()).length > 0;
  showFilterCount();
}

for (const id of [...NARROW, "depth"]) {
  $(id).addEventListener("change", () => {
    showFilterCount();
    if ($("query").value.trim() || image) $("search-form").requestSubmit();
  });
}
$("wide").addEventListener("click", () => {
  clearFacets();
  narrowBy(new Map());
  if ($("query").value.trim() || image) $("search-form").requestSubmit();
});
