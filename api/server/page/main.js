// Event handlers: buttons, keys, dropping and pasting files, the page's address.

function show(part) {
  $("answers").hidden = part !== "answers";
  $("results").hidden = part !== "results";
  $("documents").hidden = part !== "documents";
  if (part !== "results") $("more").hidden = $("understood").hidden = true;
}

function updateAddress(part) {
  const fields = new URLSearchParams({ ...part, ...narrowed(), ...depth() });
  if (collection) fields.set("in", collection);
  window.history.replaceState(null, "", `#${fields}`);
}

$("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  updateAddress({ q: $("query").value.trim() });
  search();
});
$("ask").addEventListener("click", () => ask());
$("query").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    ask();
  }
});
$("more").addEventListener("click", () => search(true));
$("picture").addEventListener("change", () => takePicture($("picture").files[0]));
$("drop-picture").addEventListener("click", withoutPicture);
$("close").addEventListener("click", () => $("viewer").close());
$("previous").addEventListener("click", () => openAdjacentPage(-1));
$("next").addEventListener("click", () => openAdjacentPage(1));
$("heat").addEventListener("click", () => toggleHeat());
$("up").addEventListener("click", () => judge(shown, "up"));
$("down").addEventListener("click", () => judge(shown, "down"));
$("download").addEventListener("click", () => download());
$("files").addEventListener("change", () => upload([...$("files").files]));
$("more-documents").addEventListener("click", () => listDocuments(true));
$("show-documents").addEventListener("click", () => {
  currentSearch = null;
  show("documents");
  say("");
  listDocuments();
});
$("home").addEventListener("click", (event) => {
  event.preventDefault();
  dropPending();
  window.history.replaceState(null, "", location.pathname);
  $("query").value = "";
  withoutPicture();
  clearFacets();
  narrowBy(new Map());
  history = [];
  $("answers").replaceChildren();
  $("results").replaceChildren();
  show("results");
  $("more").hidden = $("understood").hidden = true;
  say("");
  $("query").focus();
});
$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" ||
    (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
});

for (const [target, take] of [[$("box"), (files) => takePicture(files[0])], [$("documents"), upload]]) {
  target.addEventListener("dragover", (event) => { event.preventDefault(); target.classList.add("over"); });
  target.addEventListener("dragleave", () => target.classList.remove("over"));
  target.addEventListener("drop", (event) => {
    event.preventDefault();
    target.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
}
window.addEventListener("dragover", (event) => event.preventDefault());
window.addEventListener("drop", (event) => event.preventDefault()); // a file dropped elsewhere must not replace the page
window.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
  if (file) takePicture(file);
});

window.addEventListener("keydown", (event) => {
  if ($("viewer").open) {
    if (event.key === "ArrowLeft") openAdjacentPage(-1);
    if (event.key === "ArrowRight") openAdjacentPage(1);
    return;
  }
  const typing = event.target.matches("input, select");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    $("query").focus();
  }
  const cards = [...document.querySelectorAll("#results:not([hidden]) .card")];
  const at = cards.indexOf(document.activeElement);
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: at < 0 ? 1 : across(cards), ArrowUp: -across(cards) };
  if (cards.length && event.key in steps && (at >= 0 || event.key === "ArrowDown")) {
    event.preventDefault();
    cards[Math.max(0, Math.min(cards.length - 1, at + steps[event.key]))].focus();
  }
});

function across(cards) {
  return Math.max(1, cards.filter((one) => one.offsetTop === cards[0].offsetTop).length);
}

const begin = reportErrors(async () => {
  document.documentElement.dataset.theme = localStorage.getItem("theme") || "";
  const address = new URLSearchParams(location.hash.slice(1));
  const { collections } = await (await call("/v1/collections?limit=100")).json();
  const chosen = collections.find((one) => one.name === address.get("in")) || collections.find((one) => one.default) || collections[0];
  collection = chosen ? chosen.name : "";
  $("collections").append(...collections.map((one) => make("option", { value: one.name, textContent: one.name, selected: one === chosen })));
  $("collections").hidden = collections.length < 2;
  $("collections").addEventListener("change", () => {
    collection = $("collections").value;
    $("home").click();
  });
  keepsFeedback = collections.some((one) => one.feedback);
  if (chosen) say(`${chosen.documents} documents, ${chosen.pages} pages.`);
  $("query").value = address.get("q") || address.get("ask") || "";
  narrowBy(address);
  if (address.get("q")) await search();
  if (address.get("ask")) await ask();
  const page = /^([0-9a-f]{64})-(\d+)$/.exec(address.get("page") || "");
  if (page) await openPage({ page: page[0], document: page[1], number: Number(page[2]), label: null, name: "" }, [], address.getAll("mark"), address.get("mark") || "");
});
begin();
