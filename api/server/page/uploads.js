// Files that are added, each with its progress; and what the server is indexing.

const UPLOADS_AT_ONCE = 2;
const POLL_MS = 700;
const ICONS = { waiting: "…", sending: "↑", queued: "…", running: "◌", succeeded: "✓", failed: "!", cancelled: "–" };
const uploads = []; // those of this tab: file, element, state, job

function uploadRow(file) {
  const one = { file, state: "waiting", job: "", element: make("li", { className: "upload" }) };
  one.icon = make("span", { className: "state-icon", ariaHidden: "true" });
  one.text = make("span", { className: "text" });
  one.bar = make("progress", { ariaLabel: file.name });
  one.retry = make("button", { type: "button", className: "quiet", textContent: t("Try again"), hidden: true });
  one.retry.setAttribute("aria-label", t("Try again: {name}", { name: file.name }));
  one.retry.addEventListener("click", () => retryUpload(one));
  one.element.append(one.icon, make("span", { className: "name", textContent: file.name }), one.text, one.bar, one.retry);
  return one;
}

function showState(one, state, text, done = null) {
  one.state = state;
  one.icon.textContent = ICONS[state];
  one.element.dataset.state = state;
  one.text.textContent = text;
  one.bar.hidden = ["succeeded", "failed", "cancelled"].includes(state);
  one.retry.hidden = !["failed", "cancelled"].includes(state);
  if (done === null) one.bar.removeAttribute("value");
  else one.bar.value = done;
}

function upload(files) {
  for (const file of files) {
    const one = uploadRow(file);
    showState(one, "waiting", t("waiting"), 0);
    uploads.push(one);
    $("jobs").append(one.element);
  }
  $("files").value = "";
  return sendNext();
}

function sendNext() {
  const sending = uploads.filter((one) => one.state === "sending").length;
  const next = uploads.filter((one) => one.state === "waiting").slice(0, UPLOADS_AT_ONCE - sending);
  return Promise.all(next.map(sendFile));
}

async function sendFile(one) {
  showState(one, "sending", t("sending"), 0);
  try {
    const job = await sendForm(inside("/documents"), one.file, (share) => showState(one, "sending", t("sending"), share));
    one.job = job.id;
    showState(one, "queued", t("waiting to be read"));
    poll();
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
    showState(one, "failed", error instanceof Refused ? error.message : t("The server does not answer."));
  }
  return sendNext();
}

// Sends a file and tells how far; `fetch` cannot tell.
function sendForm(url, file, onProgress) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("files", file);
    const request = new XMLHttpRequest();
    request.open("POST", url);
    if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress(event.loaded / event.total));
    request.addEventListener("error", () => reject(new Unreachable("the file was not sent")));
    request.addEventListener("load", () => {
      if (request.status === 401) resolve(askForKey().then(() => sendForm(url, file, onProgress)));
      else if (request.status < 300) resolve(request.response);
      else reject(new Refused([request.response?.detail || request.statusText, request.response?.next_step].filter(Boolean).join(" ")));
    });
    request.send(form);
  });
}

const retryUpload = reportErrors(async (one) => {
  if (!one.job) {
    showState(one, "waiting", t("waiting"), 0);
    return sendNext();
  }
  await call(`/v1/jobs/${one.job}/retry`, { method: "POST" });
  showState(one, "queued", t("waiting to be read"));
  return poll();
});

let polling = null; // the promise of the running loop
let unseenJobs = false; // whether there may be a job that the loop has not seen

// Follows the jobs of the collection until none is left: each file's progress, and the banner.
function poll() {
  unseenJobs = true;
  return (polling ||= followUntilIdle().finally(() => { polling = null; }));
}

async function followUntilIdle() {
  while (unseenJobs) await followJobs(); // asked again while the list was read anew
}

const followJobs = async () => {
  let ran = false;
  try {
    for (let busy = false; busy || unseenJobs; busy && (await new Promise((done) => setTimeout(done, POLL_MS)))) {
      unseenJobs = false;
      const { jobs } = await (await call("/v1/jobs?limit=200")).json();
      for (const one of uploads.filter((each) => ["queued", "running"].includes(each.state))) {
        const job = jobs.find((each) => each.id === one.job);
        if (job) await followJob(one, job);
      }
      const running = jobs.filter((job) => !job.finished && job.collection === (collection || job.collection));
      showIndexing(running);
      busy = running.length > 0;
      ran ||= busy;
    }
    if (!ran && !uploads.length) return;
    await refreshCollections();
    if (!$("documents").hidden) await listAll();
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
    showIndexing([]);
  }
};

async function followJob(one, job) {
  if (!job.finished) return showState(one, job.started ? "running" : "queued", job.started ? counted(job.pages_read, "{n} page read", "{n} pages read") : t("waiting to be read"));
  const [result] = (await (await call(`/v1/jobs/${job.id}?limit=1`)).json()).results;
  if (job.state === "succeeded") return showState(one, "succeeded", result?.pages ? counted(result.pages, "{n} page", "{n} pages") : t("already there"));
  return showState(one, job.state, result?.reason || (job.state === "cancelled" ? t("cancelled") : t("failed")));
}

function showIndexing(jobs) {
  const files = jobs.reduce((sum, job) => sum + Object.values(job.files).reduce((all, count) => all + count, 0), 0);
  const done = jobs.reduce((sum, job) => sum + Object.entries(job.files).reduce((all, [state, count]) => all + (["queued", "running"].includes(state) ? 0 : count), 0), 0);
  const pages = jobs.reduce((sum, job) => sum + job.pages_read, 0);
  const now = jobs.find((job) => job.current_file)?.current_file;
  $("indexing").hidden = !jobs.length;
  $("indexing").textContent = [t("Indexing: {done} of {all} files", { done: number(done), all: number(files) }), counted(pages, "{n} page read", "{n} pages read"), now].filter(Boolean).join(" · ");
}
