// Event handlers: buttons, keys, dropping and pasting files, the page's address.

function show(part) {
  document.body.classList.toggle("working", part !== "home");
  for (const section of ["answers", "results", "documents", "photos", "review"]) $(section).hidden = part !== section;
  $("welcome").hidden = part !== "home";
  if (part !== "results") $("more").hidden = $("understood").hidden = $("view").hidden = true;
}

function showHome(message = "") {
  show("home");
  $("results").replaceChildren();
  $("exchanges").replaceChildren();
  clearFacets();
  $("narrow").open = false;
  const found = collections.find((one) => one.name === collection);
  say(message || (found ? `${counted(found.documents, "{n} document", "{n} documents")}, ${counted(found.pages, "{n} page", "{n} pages")}.` : ""));
  showWelcome();
  $("query").focus();
}

function submit() {
  const query = $("query").value.trim();
  if (query || narrows()) return go(fieldsOf(query ? [["q", query]] : []), { again: true });
  return null;
}

function ask() {
  const question = $("query").value.trim();
  if (question || image) return go(fieldsOf([["ask", question]]), { again: true });
  return null;
}

// Enter does what the strong button says: a question is asked, other words are searched for.
const asksNow = () => $("query").value.trim().endsWith("?");
function markStrong() {
  $("ask").classList.toggle("strong", asksNow());
  $("search").classList.toggle("strong", !asksNow());
}

$("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
$("ask").addEventListener("click", () => ask());
$("query").addEventListener("input", markStrong);
$("query").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || !(event.ctrlKey || event.metaKey || asksNow())) return;
  event.preventDefault();
  ask();
});
$("follow-up").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = $("follow-question").value.trim();
  if (!question) return;
  $("follow-question").value = "";
  const before = addressed().getAll("ask").map((one) => ["ask", one]);
  go(fieldsOf([...before, ["ask", question]]), { again: true });
});
$("try-again").addEventListener("click", () => tryAgain());
$("more").addEventListener("click", () => search(true));
$("picture").addEventListener("change", () => takePicture($("picture").files[0]));
$("drop-picture").addEventListener("click", withoutPicture);
$("view").addEventListener("click", () => showAs(localStorage.getItem("view") === "list" ? "cards" : "list"));
$("language").addEventListener("change", () => {
  localStorage.setItem("language", $("language").value);
  location.reload();
});
$("close").addEventListener("click", () => $("viewer").close());
$("previous").addEventListener("click", () => openAdjacentPage(-1));
$("next").addEventListener("click", () => openAdjacentPage(1));
$("heat").addEventListener("click", () => toggleHeat());
$("up").addEventListener("click", () => judge(shown, "up"));
$("down").addEventListener("click", () => judge(shown, "down"));
$("previous-hit").addEventListener("click", () => openAdjacentHit(-1));
$("next-hit").addEventListener("click", () => openAdjacentHit(1));
$("zoom-out").addEventListener("click", () => zoomBy(-1));
$("zoom-in").addEventListener("click", () => zoomBy(1));
$("fit").addEventListener("click", toggleFit);
$("page-ask").addEventListener("submit", askAboutPage);
$("viewer").addEventListener("close", leavePage);
window.addEventListener("resize", () => resize());
$("download").addEventListener("click", () => download());
$("files").addEventListener("change", () => upload([...$("files").files]));
$("more-documents").addEventListener("click", () => listDocuments(true));
$("show-documents").addEventListener("click", () => go(new URLSearchParams({ documents: "", ...(collection ? { in: collection } : {}) }), { again: true }));
$("show-review").addEventListener("click", () => go(new URLSearchParams({ review: "", ...(collection ? { in: collection } : {}) }), { again: true }));
$("home").addEventListener("click", (event) => {
  event.preventDefault();
  goHome();
});
$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" ||
    (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
});

for (const [target, take] of [[$("box"), (files) => takePicture(files[0])], [$("documents"), upload], [$("welcome"), (files) => { relist({}); upload(files); }]]) {
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
  const typing = event.target.matches("input:not([type=checkbox]), select");
  if (typing && event.key !== "ArrowDown" || event.ctrlKey || event.metaKey || event.altKey) return;
  if ($("viewer").open) {
    if (!typing) VIEWER_KEYS[event.key]?.();
    return;
  }
  if (event.key === "/") {
    event.preventDefault();
    $("query").focus();
  }
  const cards = [...document.querySelectorAll(":is(#results, #photos):not([hidden]) .card")].filter((one) => one.offsetParent);
  const at = cards.indexOf(document.activeElement);
  if (at < 0 && !(event.key === "ArrowDown" && (event.target === $("query") || !typing))) return;
  const next = at < 0 ? cards[0] : { ArrowRight: () => cards[at + 1], ArrowLeft: () => cards[at - 1], ArrowDown: () => beside(cards, at, 1), ArrowUp: () => beside(cards, at, -1) }[event.key]?.();
  if (!next) return;
  event.preventDefault();
  next.focus();
});

// The nearest card of the row below (1) or above (-1).
function beside(cards, at, direction) {
  const middle = (one) => one.getBoundingClientRect().left + one.clientWidth / 2;
  const away = (one) => direction * (one.getBoundingClientRect().top - cards[at].getBoundingClientRect().top);
  const beyond = cards.filter((one) => away(one) > 8);
  const row = Math.min(...beyond.map(away));
  const across = (one) => Math.abs(middle(one) - middle(cards[at]));
  return beyond.filter((one) => away(one) < row + 8).reduce((best, one) => (best && across(best) <= across(one) ? best : one), null);
}

// Results as cards with pictures, or as a list of lines.
function showAs(view) {
  localStorage.setItem("view", view);
  $("results").classList.toggle("lines", view === "list");
  $("view").textContent = view === "list" ? t("As cards") : t("As a list");
}

let collections = [];

async function refreshCollections() {
  collections = (await (await call("/v1/collections?limit=100")).json()).collections;
}

function chooseCollection(name) {
  const found = collections.find((one) => one.name === name) || collections.find((one) => one.default) || collections[0];
  collection = found ? found.name : "";
  $("collections").value = collection;
}

const begin = reportErrors(async () => {
  document.documentElement.dataset.theme = localStorage.getItem("theme") || "";
  await refreshCollections();
  $("collections").append(...collections.map((one) => make("option", { value: one.name, textContent: one.name })));
  $("collections").hidden = collections.length < 2;
  $("collections").addEventListener("change", () => {
    collection = $("collections").value;
    goHome();
  });
  keepsFeedback = collections.some((one) => one.feedback);
  await showAddress(true);
  await poll();
});
showAs(localStorage.getItem("view") || "cards");
$("language").append(...Object.entries(LANGUAGES).map(([value, textContent]) => make("option", { value, textContent, lang: value })));
$("language").value = language;
begin();
