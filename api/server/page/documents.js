// The list of documents, uploads and removals.

let after = null;
let currentListing = null; // identifies the last request

function showDocuments() {
  show("documents");
  say("");
  return listDocuments();
}

const listDocuments = reportErrors(async (more = false) => {
  if (!more) {
    after = null;
    $("list").replaceChildren();
  }
  const now = currentListing = {};
  const found = await (await call(inside(`/documents?limit=100${after ? `&cursor=${encodeURIComponent(after)}` : ""}`))).json();
  if (now !== currentListing) return;
  after = found.next_cursor;
  $("more-documents").hidden = !after;
  $("total").textContent = `${found.total}`;
  $("list").append(...found.documents.map((one) => {
    const pages = one.kind === "photo" ? "photo" : `${one.pages} ${one.pages === 1 ? "page" : "pages"}`;
    const made = make("button", { type: "button" },
      make("span", { textContent: one.name }), make("span", { className: "faint", textContent: pages }));
    made.addEventListener("click", () => visit({ page: `${one.id}-1`, document: one.id, number: 1, label: null, name: one.name }));
    return make("li", {}, made, remover(one));
  }));
});

// Must be pressed twice; the first press is undone when the button loses the focus.
function remover(one) {
  const made = make("button", { type: "button", className: "quiet", textContent: "Remove" });
  made.setAttribute("aria-label", `Remove ${one.name}`);
  made.addEventListener("blur", () => { made.textContent = "Remove"; });
  made.addEventListener("click", reportErrors(async () => {
    if (made.textContent === "Remove") {
      made.textContent = "Really remove?";
      return;
    }
    made.disabled = true;
    made.textContent = "Removing …";
    const job = await (await call(inside(`/documents/${one.id}`), { method: "DELETE" })).json();
    const stream = await call(`/v1/jobs/${job.id}`, { headers: { Accept: "text/event-stream" } });
    for await (const [, now] of events(stream)) if (now.finished) break;
    await listDocuments();
  }));
  return made;
}

const upload = reportErrors(async (files) => {
  if (!files.length) return;
  const line = make("span", { textContent: `Sending ${files.length === 1 ? files[0].name : `${files.length} files`} …` });
  const bar = make("progress", {});
  const item = make("li", {}, line, bar);
  $("jobs").prepend(item);
  try {
    const form = new FormData();
    for (const file of files) form.append("files", file);
    const job = await (await call(inside("/documents"), { method: "POST", body: form })).json();
    const stream = await call(`/v1/jobs/${job.id}`, { headers: { Accept: "text/event-stream" } });
    for await (const [, now] of events(stream)) {
      const total = Object.values(now.files).reduce((sum, count) => sum + count, 0);
      bar.max = total;
      bar.value = total - (now.files.queued || 0);
      line.textContent = [`${bar.value} of ${total}`, now.current_file, now.pages_read ? `${now.pages_read} pages read` : ""].filter(Boolean).join(" · ");
      if (now.finished) await showResult(job.id, line, bar);
    }
    await listDocuments();
  } catch (error) {
    item.remove();
    throw error;
  }
});

async function showResult(job, line, bar) {
  const ended = await (await call(`/v1/jobs/${job}?limit=1000`)).json();
  const failed = ended.results.filter((one) => one.state === "failed");
  line.textContent = `${ended.state === "succeeded" ? "Added" : "Ended"}: ${ended.files.indexed || 0} in${failed.length ? `, ${failed.length} failed` : ""}.`;
  bar.remove();
  for (const one of failed) line.after(make("div", { className: "faint", textContent: `${one.name}: ${one.reason}` }));
}
