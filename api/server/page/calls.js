// Calls to the server. Everything it returns is shown as text, never as HTML.

const $ = (id) => document.getElementById(id);
let collection = "";
let key = sessionStorage.getItem("key") || "";

function make(tag, options = {}, ...children) {
  const { data, ...rest } = options;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, data || {});
  element.append(...children);
  return element;
}

function say(text, wrong = false) {
  $("message").textContent = text;
  $("message").classList.toggle("wrong", wrong);
}

class Refused extends Error {}
class Unreachable extends Error {}

const unanswered = new Map(); // what to do again when the server is back

// A server that does not answer is told once, with a way to try again; what is shown stays.
function unreachable(key, again) {
  unanswered.set(key, again);
  const open = document.querySelector("dialog[open]");
  (open || document.body).prepend($("offline"));
  $("offline").hidden = false;
}

function reachable() {
  if ($("offline").hidden) return;
  $("offline").hidden = true;
  document.body.prepend($("offline"));
}

function tryAgain() {
  const again = [...unanswered.values()];
  unanswered.clear();
  return Promise.all(again.map((work) => work()));
}

function inside(path) {
  return collection ? `/v1/collections/${encodeURIComponent(collection)}${path}` : `/v1${path}`;
}

async function arrived(response) {
  try {
    return await response;
  } catch (error) {
    throw error.name === "AbortError" ? error : new Unreachable(error.message);
  }
}

async function call(url, options = {}) {
  const headers = { ...(options.headers || {}) };
  if (key) headers.Authorization = `Bearer ${key}`;
  const answer = await arrived(fetch(url, { ...options, headers }));
  reachable();
  if (answer.status === 401) {
    await askForKey();
    return call(url, options);
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused([problem.detail || answer.statusText, problem.next_step].filter(Boolean).join(" "));
  }
  return answer;
}

let keyPrompt = null;
function askForKey() {
  keyPrompt ||= new Promise((resolve) => {
    $("key").value = "";
    $("keying").showModal();
    $("keying").addEventListener("close", () => {
      key = $("key").value.trim();
      sessionStorage.setItem("key", key);
      keyPrompt = null;
      resolve();
    }, { once: true });
  });
  return keyPrompt;
}

const post = (url, body, options = {}) =>
  call(url, { ...options, method: "POST", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...(options.headers || {}) } });

const reportErrors = (work) => async (...given) => {
  try {
    return await work(...given);
  } catch (error) {
    if (error instanceof Unreachable) {
      say("");
      unreachable(work, () => reportErrors(work)(...given));
    } else if (error instanceof Refused) say(error.message, true);
    else if (error.name !== "AbortError") throw error;
    return null;
  }
};

async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await arrived(reader.read());
    if (done) return;
    buffer += value;
    const blocks = buffer.split("\n\n");
    buffer = blocks.pop();
    for (const block of blocks) {
      const name = /^event: (.*)$/m.exec(block);
      const data = /^data: (.*)$/m.exec(block);
      if (name && data) yield [name[1], JSON.parse(data[1])];
    }
  }
}

async function picture(page, width, { highlight = "", heat = false } = {}) {
  const query = new URLSearchParams({ width, ...(highlight ? { highlight } : {}), ...(heat ? { heat } : {}) });
  const answer = await call(inside(`/pages/${page}/image?${query}`));
  return URL.createObjectURL(await answer.blob());
}
