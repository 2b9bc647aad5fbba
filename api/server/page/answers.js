// Answers that stream in: their marks lead to the pages, which stand below as pictures. A conversation is one address.

const answers = new Map(); // those that are complete: address up to their question -> what is shown, and the turn
let conversation = []; // the turns before the next question
let runningAnswer = null;

// Drops the responses that have not arrived yet.
function dropPending() {
  currentSearch = null;
  runningAnswer?.abort();
}

const showAnswers = reportErrors(async (questions, again = false) => {
  const running = (runningAnswer = new AbortController());
  const name = (count) => JSON.stringify([String(fieldsOf([])), pictureNumber(), questions.slice(0, count)]);
  if (again) answers.delete(name(questions.length));
  lastQuery = questions.at(-1);
  show("answers");
  say("");
  $("follow-up").hidden = true;
  $("exchanges").replaceChildren();
  conversation = [];
  for (const [at, question] of questions.entries()) {
    const kept = answers.get(name(at + 1)) || exchangeOf(question);
    $("exchanges").append(kept.element);
    if (!kept.turn) {
      kept.element.scrollIntoView({ block: "nearest" });
      try {
        await follow(question, kept, running.signal);
      } finally {
        kept.text.classList.remove("waiting");
        kept.doing.replaceChildren();
      }
      answers.set(name(at + 1), kept);
    }
    conversation = [...conversation, kept.turn].slice(-8);
  }
  $("follow-up").hidden = false;
});

function exchangeOf(question) {
  const text = make("div", { className: "answer-text waiting" });
  const doing = make("div", { className: "faint doing", role: "status" });
  const sources = make("ol", { className: "sources" });
  const near = make("ul", { className: "nearest", ariaLabel: t("The nearest pages") });
  const notes = make("div", { className: "faint notes" });
  const copy = make("button", { type: "button", className: "quiet copy", textContent: t("Copy with citations"), hidden: true });
  const exports = exportsOf(() => kept.shown);
  const thumbs = thumbsOf(question, () => kept.shown.text);
  const own = image ? [make("img", { className: "own", src: $("thumb").src, alt: t("Your picture") })] : [];
  const element = make("article", { className: "exchange" }, ...own, make("h2", { textContent: question || t("What is this?") }), doing, text, sources, near, notes, make("div", { className: "bar" }, copy, exports), thumbs);
  const lights = (event, on) => {
    const mark = event.target.closest("[data-mark]")?.dataset.mark;
    for (const one of element.querySelectorAll("[data-mark]")) one.classList.toggle("lit", on && one.dataset.mark === mark);
  };
  for (const [name, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) element.addEventListener(name, (event) => lights(event, on));
  const kept = { element, doing, text, sources, near, notes, copy, exports, thumbs, turn: null, shown: null };
  return kept;
}

async function follow(question, kept, signal) {
  const options = { headers: { Accept: "text/event-stream" }, signal };
  const body = { question, history: conversation, filters: filters(), ...depth(), ...(image ? { image } : {}) };
  let text = "";
  const cited = new Map();
  for await (const [name, data] of events(await post(inside("/answer"), body, options))) {
    if (name === "step") showStep(data, kept);
    if (name === "text") text += data.text;
    if (name === "citation") cited.set(data.mark, [...(cited.get(data.mark) || []), data]);
    if (name === "problem") throw new Refused([data.detail, data.next_step].filter(Boolean).join(" "));
    if (name === "answer") {
      text = data.text;
      cited.clear();
      data.citations.forEach((one) => cited.set(one.mark, [...(cited.get(one.mark) || []), one]));
      kept.turn = { question: (question || "(a picture)").slice(0, 2000), answer: text.slice(0, 20000) };
      kept.sources.replaceChildren(...[...cited.values()].map((all) => source(all, text)));
      kept.near.replaceChildren(...nearest(data));
      showNotes(data, kept);
      kept.copy.hidden = kept.exports.hidden = false;
      kept.thumbs.hidden = !keepsFeedback || !question || !text.trim();
      kept.shown = { question: question || t("What is this?"), text, cited };
      kept.copy.addEventListener("click", () => copy(kept.copy, citedText(text, cited)));
    }
    kept.text.replaceChildren(...withMarks(text, cited));
  }
  if (!kept.turn) throw new Unreachable("the answer ended early");
}

const STAGES = {
  searching: () => t("Searching …"),
  reading: (n) => (n ? counted(n, "{n} page found, reading it …", "{n} pages found, reading them …") : ""),
  checking: () => t("Checking the citations …"),
};

// What is being done while an answer is made: the searches that have ended, and below them what goes on.
function showStep({ stage, pages, search }, kept) {
  const now = kept.doing.querySelector("p") || kept.doing.appendChild(make("p"));
  if (search) now.before(...stepLines([search]));
  else if (STAGES[stage]) now.textContent = STAGES[stage](pages);
}

// Thumbs for an answer, and then why.
function thumbsOf(question, text) {
  const id = randomId();
  const reason = make("div");
  const button = (verdict, textContent, title) => {
    const made = make("button", { type: "button", className: `quiet ${verdict}`, textContent, title, ariaLabel: title, ariaPressed: "false" });
    made.addEventListener("click", reportErrors(async () => {
      const judged = { query: question.slice(0, 2000), answer: [...text()].slice(0, 4000).join(""), verdict, id };
      await post(inside("/feedback"), judged);
      for (const one of both) one.ariaPressed = String(one === made);
      reason.replaceChildren(reasonForm(judged));
    }));
    return made;
  };
  const both = [button("up", "👍", t("This answer is right: kept by the server's owner")), button("down", "👎", t("This answer is not right: kept by the server's owner"))];
  return make("div", { className: "bar thumbs", hidden: true }, ...both, reason);
}

function showNotes(data, kept) {
  const left = Object.entries(data.missing_lanes).map(([lane, reason]) => t("Without the {lane} lane: {reason}", { lane, reason }));
  const sure = data.found === true && data.reason ? [t("Confidence {n}%: {reason}", { n: number(Math.round(100 * data.confidence)), reason: data.reason })] : [];
  const told = data.found !== true && data.reason && !data.text.includes(data.reason) ? [data.reason] : [];
  kept.notes.replaceChildren(...[...left, ...data.notes, ...sure, ...told].map((note) => make("p", { textContent: note })), ...stepLines(data.steps));
  kept.text.classList.toggle("closest", data.found === "closest");
}

// A mark may stand for several quotes of its page.
const quotesOf = (all) => all.map((one) => one.quote).filter(Boolean);
const boxesOfAll = (all) => all.flatMap((one) => one.boxes);

function withMarks(text, cited) {
  return text.split(/(\[\d{1,3}\])/).map((part) => {
    const all = /^\[\d+\]$/.test(part) ? cited.get(Number(part.slice(1, -1))) : null;
    if (!all) return part;
    const mark = make("button", { type: "button", className: "cite", textContent: part, title: `${all[0].name}, ${place(all[0])}`, data: { mark: all[0].mark } });
    mark.addEventListener("click", () => visit(all[0], boxesOfAll(all), quotesOf(all)));
    return mark;
  });
}

const STATES = { quoted: "quoted", supported: "supported by the page", "image-only": "seen in the picture only", unconfirmed: "not confirmed" };

// A cited page; its quote only where the answer does not have it word for word.
function source(all, text) {
  const [first] = all;
  const words = queryWords(lastQuery);
  const quotes = all.filter((one) => one.quote ? !text.includes(one.quote) : one.claim && !text.includes(one.claim)).map((one) =>
    one.quote ? make("q", {}, ...bold(one.quote.replace(/\s+/g, " "), words)) : make("span", { textContent: one.claim }));
  const states = [...new Set(all.map((one) => one.state).filter(Boolean))].map((state) => make("span", { className: `state ${state}`, textContent: t(STATES[state]) }));
  return make("li", { data: { mark: first.mark } }, thumbnail(first, boxesOfAll(all), quotesOf(all),
    make("strong", { textContent: `[${first.mark}] ${first.name}, ${place(first)}` }), ...quotes, ...states));
}

const SHOWN_NEAREST = 4;

// The nearest pages of a question that pages do not answer, each once.
function nearest(data) {
  if (data.found === true) return [];
  const cited = new Set(data.citations.map((one) => one.page));
  return data.context_pages.filter((page) => !cited.has(page.page)).slice(0, Math.max(0, SHOWN_NEAREST - cited.size)).map((page) =>
    make("li", {}, thumbnail(page, [], [], make("span", { textContent: `${page.name}, ${place(page)}` }))));
}

// An answer as text, with its citations and a link to each.
function citedText(text, cited) {
  const lines = [...cited.values()].map((all) =>
    `[${all[0].mark}] ${all[0].name}, ${place(all[0])}: ${quotesOf(all).map((quote) => `“${quote.replace(/\s+/g, " ")}”`).join(" ")}\n    ${pageLink(all[0], quotesOf(all))}`);
  return [text, ...lines].join("\n\n");
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make("textarea", { value: text, className: "unseen" }); // without https there is no clipboard of the above kind
    button.before(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.textContent = t("Copied");
  setTimeout(() => { button.textContent = t("Copy with citations"); }, 2000);
}
