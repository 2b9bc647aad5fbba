// Filters: what a page must be to be looked at, for searches and answers alike.

const NARROW = ["in-name", "kind", "since", "until"];

function filters() {
  const [name, kind, since, until] = NARROW.map((id) => $(id).value.trim());
  return {
    ...(name ? { paths: [/[*?[]/.test(name) ? name : `*${name}*`] } : {}),
    ...(kind ? { kinds: kind.split(" ") } : {}),
    ...(since ? { since: `${since}T00:00:00` } : {}),
    ...(until ? { until: `${until}T23:59:59` } : {}),
  };
}

// As the address remembers it, so that a link leads to the same pages.
function narrowed() {
  return Object.fromEntries(NARROW.map((id) => [id, $(id).value.trim()]).filter(([, value]) => value));
}

function tellNarrowing() {
  const count = Object.keys(narrowed()).length;
  $("narrowing").textContent = count ? `Narrowed (${count})` : "Narrow";
  $("wide").hidden = !count;
}

function narrowBy(given) {
  for (const id of NARROW) $(id).value = given.get(id) || "";
  $("narrow").open = Object.keys(narrowed()).length > 0;
  tellNarrowing();
}

for (const id of NARROW) {
  $(id).addEventListener("change", () => {
    tellNarrowing();
    if ($("query").value.trim() || image) $("asking").requestSubmit();
  });
}
$("wide").addEventListener("click", () => {
  narrowBy(new Map());
  if ($("query").value.trim() || image) $("asking").requestSubmit();
});
