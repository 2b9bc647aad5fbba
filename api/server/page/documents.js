// The list of documents: found, sorted, by folder; removed one by one or many at once; files that could not be read.

let after = null;
let currentListing = null; // identifies the last request
const selected = new Map(); // document id -> name, of those to be removed

// What the list shows, as it stands in the page's address.
const listed = () => {
  const fields = addressed();
  return { name: fields.get("find") || "", kind: fields.get("of") || "", sort: fields.get("order") || "name", folder: fields.get("at") || "", problems: fields.has("problems") };
};

function showDocuments() {
  show("documents");
  say("");
  selected.clear();
  const { name, sort, problems } = listed();
  if (document.activeElement !== $("find-document")) $("find-document").value = name;
  $("list-sort").value = sort;
  $("list-problems").checked = problems;
  poll();
  return listAll();
}

const listAll = () => Promise.all([listDocuments(), showTree(), showUnread()]);

// Shows another part of the list, in an address of its own.
function relist(change) {
  const fields = new URLSearchParams({ documents: "", ...(collection ? { in: collection } : {}) });
  const now = { ...listed(), ...change };
  for (const [name, field] of [["name", "find"], ["kind", "of"], ["folder", "at"]]) if (now[name]) fields.set(field, now[name]);
  if (now.sort !== "name") fields.set("order", now.sort);
  if (now.problems) fields.set("problems", "");
  return go(fields, { again: true, replace: "name" in change });
}

const listDocuments = reportErrors(async (more = false) => {
  if (!more) after = null;
  const now = currentListing = {};
  const { name, kind, sort, folder, problems } = listed();
  const query = new URLSearchParams({ limit: 100, sort, ...(name ? { name } : {}), ...(kind ? { kind } : {}), ...(folder ? { folder } : {}), ...(problems ? { problems } : {}), ...(after ? { cursor: after } : {}) });
  const found = await (await call(inside(`/documents?${query}`))).json();
  if (now !== currentListing) return;
  if (!more) $("list").replaceChildren();
  after = found.next_cursor;
  $("more-documents").hidden = !after;
  $("total").textContent = number(found.total);
  $("none-listed").hidden = found.total > 0;
  $("list").append(...found.documents.map(documentRow));
  showSelection();
});

function documentRow(one) {
  const photo = one.kind === "photo";
  const box = make("input", { type: "checkbox", checked: selected.has(one.id) });
  box.setAttribute("aria-label", t("Select {name}", { name: one.name }));
  box.addEventListener("change", () => {
    if (box.checked) selected.set(one.id, one.name);
    else selected.delete(one.id);
    showSelection();
  });
  const sheet = make("span", { className: "sheet mini" });
  const page = { page: `${one.id}-1`, document: one.id, number: 1, label: null, name: one.name };
  whenSeen(sheet, () => draw(sheet, page, [], 160).then((paper) => paper?.querySelector("img").setAttribute("alt", "")));
  const facts = [t(KINDS[one.kind]), photo ? "" : counted(one.pages, "{n} page", "{n} pages"), sizeText(one.size), one.date ? dateText(one.date) : "", one.folder].filter(Boolean).join(" · ");
  const names = one.title && stem(one.title) !== stem(one.name) ? [make("strong", { textContent: one.title }), make("span", { className: "faint", textContent: one.name })] : [make("strong", { textContent: one.name })];
  const open = make("button", { type: "button", className: "open" }, sheet, make("span", { className: "about" }, ...names, make("span", { className: "faint", textContent: facts })));
  open.addEventListener("click", () => visit(page));
  return make("li", {}, box, open, ...problemsOf(one), remover(one));
}

function problemsOf(one) {
  if (!one.problems.length) return [];
  return [make("details", { className: "problems" }, make("summary", { textContent: counted(one.problems.length, "{n} problem", "{n} problems") }),
    make("ul", {}, ...one.problems.map((textContent) => make("li", { textContent }))))];
}

// The folders as a tree, each with the number of documents in it and below it.
const showTree = reportErrors(async () => {
  const counts = await (await post(inside("/counts"), {})).json();
  const { folder, kind } = listed();
  $("list-kind").replaceChildren(...[["", t("all kinds")], ...Object.entries(counts.kinds).map(([name, count]) => [name, `${t(KINDS[name])} (${number(count)})`])].map(([value, textContent]) => make("option", { value, textContent })));
  $("list-kind").value = kind;
  const all = new Map();
  for (const [name, count] of Object.entries(counts.folders)) {
    const parts = name ? name.split("/") : [];
    for (let depth = 0; depth <= parts.length; depth += 1) {
      const parent = parts.slice(0, depth).join("/");
      all.set(parent, (all.get(parent) || 0) + count);
    }
  }
  $("tree").hidden = all.size < 2;
  $("tree").replaceChildren(...[...all].sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, count]) => {
    const depth = name ? name.split("/").length : 0;
    const made = make("button", { type: "button", className: "quiet" }, make("span", { textContent: name ? name.split("/").at(-1) : t("All folders") }), make("span", { className: "faint", textContent: number(count) }));
    made.style.paddingLeft = `${0.5 + depth}rem`;
    if (name === folder) made.setAttribute("aria-current", "true");
    made.addEventListener("click", () => relist({ folder: name }));
    return made;
  }));
});

const showUnread = reportErrors(async () => {
  const { files, total } = await (await call(inside("/unread"))).json();
  $("unread").hidden = !total;
  $("unread-count").textContent = counted(total, "{n} file could not be read", "{n} files could not be read");
  $("unread-files").replaceChildren(...files.map(({ name, reason }) => make("li", {}, make("span", { className: "state-icon", ariaHidden: "true", textContent: "!" }), make("strong", { textContent: name }), make("span", { className: "faint", textContent: reason }))));
});

function showSelection() {
  $("selection").hidden = !selected.size;
  $("selected").textContent = counted(selected.size, "{n} document selected", "{n} documents selected");
}

// Asks the server to remove documents and waits until they are gone.
async function removeDocuments(ids) {
  for (const id of ids) await call(inside(`/documents/${id}`), { method: "DELETE" });
  await poll();
}

// A button that must be pressed twice; the first press is undone when it loses the focus.
function pressedTwice(button, work) {
  const text = button.textContent;
  button.addEventListener("blur", () => { if (!button.disabled) button.textContent = text; });
  button.addEventListener("click", reportErrors(async () => {
    if (button.textContent === text) {
      button.textContent = t("Really remove?");
      return;
    }
    button.disabled = true;
    button.textContent = t("Removing …");
    try {
      await work();
    } finally {
      button.disabled = false;
      button.textContent = text;
    }
  }));
}

function remover(one) {
  const made = make("button", { type: "button", className: "quiet", textContent: t("Remove") });
  made.setAttribute("aria-label", t("Remove {name}", { name: one.name }));
  pressedTwice(made, () => removeDocuments([one.id]));
  return made;
}

pressedTwice($("remove-selected"), async () => {
  const ids = [...selected.keys()];
  selected.clear();
  await removeDocuments(ids);
});
$("select-none").addEventListener("click", () => {
  selected.clear();
  for (const box of $("list").querySelectorAll("input:checked")) box.checked = false;
  showSelection();
});
$("select-all").addEventListener("click", () => {
  for (const box of $("list").querySelectorAll("input[type=checkbox]:not(:checked)")) box.click();
});
$("list-sort").addEventListener("change", () => relist({ sort: $("list-sort").value }));
$("list-kind").addEventListener("change", () => relist({ kind: $("list-kind").value }));
$("list-problems").addEventListener("change", () => relist({ problems: $("list-problems").checked }));
let typing = null;
$("find-document").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => relist({ name: $("find-document").value.trim() }), 200);
});
