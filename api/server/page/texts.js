// The page's own texts in the reader's language, numbers and dates as it writes them. English texts are the keys.

const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français", es: "Español", zh: "中文" };
const language = [localStorage.getItem("language"), ...navigator.languages].map((one) => (one || "").split("-")[0]).find((one) => one in LANGUAGES) || "en";
const translated = language === "en" ? {} : Object.fromEntries(Object.entries(TEXTS.texts).map(([text, all]) => [text, all[TEXTS.languages.indexOf(language)]]));
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

// A text in the reader's language, with values in place of {name}.
const t = (text, values = {}) => (translated[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
const number = (value) => numbers.format(value);
const counted = (n, one, many, values = {}) => t(plurals.select(n) === "one" ? one : many, { n: number(n), ...values });

// A date as the server gives it, local and without a zone; `parts` as of Intl.DateTimeFormat.
const dateText = (text, parts = { dateStyle: "medium" }) => new Intl.DateTimeFormat(language, parts).format(new Date(text));
const monthText = (month) => dateText(`${month}-15T12:00:00`, { month: "long", year: "numeric" });

function sizeText(bytes) {
  const [unit, size] = bytes < 1e3 ? ["byte", 1] : bytes < 1e6 ? ["kilobyte", 1e3] : ["megabyte", 1e6];
  return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: bytes < 1e7 && bytes >= 1e6 ? 1 : 0 }).format(bytes / size);
}

// Puts the texts and attributes of the page as it was loaded into the reader's language.
function translatePage() {
  document.documentElement.lang = language;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.trim().replace(/\s+/g, " ");
    if (text && !node.parentElement.closest("script, style") && translated[text]) node.data = node.data.replace(node.data.trim(), () => translated[text]);
  }
  for (const name of ["aria-label", "title", "placeholder", "alt"]) {
    for (const element of document.querySelectorAll(`[${name}]`)) element.setAttribute(name, t(element.getAttribute(name)));
  }
}

translatePage();
