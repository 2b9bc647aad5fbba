// What is unsure: each item beside its marked page, to be accepted, corrected or rejected.

const REVIEWED = 50; // items that are shown at once
let toReview = 0; // items of the collection

function showReview() {
  show("review");
  say("");
  return listReview();
}

const listReview = reportErrors(async () => {
  const found = await (await call(inside(`/review?limit=${REVIEWED}`))).json();
  toReview = found.total;
  $("to-review").textContent = number(toReview);
  $("review-items").replaceChildren(...found.items.map(reviewed));
  if (!found.total) say(t("Nothing to review. Values and citations that are unsure come here with --review."));
});

function reviewed(item) {
  const sheet = make("div", { className: "sheet", tabIndex: 0 });
  sheet.setAttribute("role", "group");
  sheet.setAttribute("aria-label", t("Picture of {name}", { name: `${item.name}, ${place(item)}` }));
  draw(sheet, { page: item.page, name: item.name, number: item.number, label: null }, item.boxes, 900);
  const what = item.kind === "value" ? item.pointer.slice(1).replace(/_/g, " ").replace(/\//g, " › ") : item.kind === "citation" ? `${item.subject}` : t("Words of the page");
  const open = make("button", { type: "button", className: "quiet", textContent: `${item.name}, ${place(item)}` });
  open.addEventListener("click", () => visit({ page: item.page, document: item.document, number: item.number, label: null, name: item.name }, item.boxes));
  const value = item.kind === "page" ? null : make("input", { type: "text", maxLength: 2000, value: written(item.value) });
  value?.setAttribute("aria-label", t("Value of {name}", { name: what }));
  const line = make("li", { data: { item: item.id } }, sheet);
  const decide = (decision) => reportErrors(async () => {
    const body = JSON.stringify({ decision, value: decision === "corrected" ? typed(value.value, item.value) : null });
    await call(inside(`/review/${item.id}/decision`), { method: "POST", headers: { "Content-Type": "application/json" }, body });
    line.remove();
    $("to-review").textContent = number((toReview -= 1));
    ($("review-items").querySelector("button.strong") || $("show-review")).focus();
  });
  const accept = make("button", { type: "button", className: "strong", textContent: t("Accept") });
  const reject = make("button", { type: "button", textContent: t("Reject") });
  accept.addEventListener("click", () => decide(value && value.value !== written(item.value) ? "corrected" : "accepted")());
  reject.addEventListener("click", decide("rejected"));
  value?.addEventListener("input", () => { accept.textContent = value.value === written(item.value) ? t("Accept") : t("Correct"); });
  line.append(make("div", {}, make("h3", { textContent: what }), make("p", { className: "faint", textContent: item.reason }),
    ...(value ? [value] : []), make("div", { className: "bar" }, accept, reject), open));
  return line;
}

const written = (value) => (value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

// What was typed, in the kind of the machine's value: a number where that is one and the text too.
function typed(text, machine) {
  if (text.trim() === "") return null;
  if (typeof machine === "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
