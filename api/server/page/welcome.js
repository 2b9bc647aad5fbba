// What stands there before anything is asked: what the collection holds, questions to begin with, what was asked last.

const MAX_RECENT = 6;
const recentKey = () => `recent.${collection}`;

function recent() {
  try {
    return JSON.parse(localStorage.getItem(recentKey()) || "[]");
  } catch {
    return [];
  }
}

// Remembers a search or question in this browser alone.
function remember(fields) {
  const words = fields.getAll("ask").at(-1) ?? fields.get("q");
  if (!words) return;
  const entry = { words, hash: String(mainOf(fields)) };
  localStorage.setItem(recentKey(), JSON.stringify([entry, ...recent().filter((one) => one.words !== words)].slice(0, MAX_RECENT)));
}

const showWelcome = reportErrors(async () => {
  const [counts, { questions }] = await Promise.all([post(inside("/counts"), {}), call(inside("/questions"))].map(async (answer) => (await answer).json()));
  if ($("welcome").hidden) return;
  const years = Object.keys(counts.years).map(Number);
  const span = years.length ? [[Math.min(...years), Math.max(...years)].filter((year, at, all) => at === 0 || year !== all[0]).join("–")] : [];
  const kinds = Object.entries(counts.kinds).map(([kind, count]) => `${t(KINDS[kind])}: ${number(count)}`);
  $("holds").textContent = [...kinds, ...span].join(" · ");
  $("examples").replaceChildren(...questions.map((words) => wordsButton(words, words.endsWith("?") ? "ask" : "q")));
  $("examples-title").hidden = !questions.length;
  showRecent();
  $("empty").hidden = counts.documents > 0;
});

function wordsButton(words, field) {
  const made = make("button", { type: "button", className: "example", textContent: words });
  made.addEventListener("click", () => go(new URLSearchParams([[field, words], ...(collection ? [["in", collection]] : [])]), { again: true }));
  return made;
}

function showRecent() {
  const all = recent();
  $("recent-title").hidden = $("forget").hidden = !all.length;
  $("recent").replaceChildren(...all.map(({ words, hash }) => {
    const made = make("button", { type: "button", className: "example", textContent: words });
    made.addEventListener("click", () => go(new URLSearchParams(hash), { again: true }));
    return made;
  }));
}

$("forget").addEventListener("click", () => {
  localStorage.removeItem(recentKey());
  showRecent();
});
$("first-files").addEventListener("click", () => relist({}));
