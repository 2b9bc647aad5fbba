// An answer as a file: Markdown, BibTeX, CSL-JSON, or a PDF with its pages marked.

const EXPORTS = { Markdown: "answer.md", BibTeX: "answer.bib", "CSL-JSON": "answer.json", PDF: "answer.pdf" };

// Buttons for the files of an answer: `of()` gives its question, text and citations by mark.
function exportsOf(of) {
  const buttons = Object.keys(EXPORTS).map((format) => {
    const made = make("button", { type: "button", className: "quiet", textContent: format });
    made.addEventListener("click", reportErrors(async () => save(await exported(format, of()), EXPORTS[format])));
    return made;
  });
  return make("details", { className: "exports", hidden: true }, make("summary", { textContent: t("Save as") }), ...buttons);
}

function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function exported(format, { question, text, cited }) {
  const pages = [...cited.values()];
  if (format === "PDF") {
    const sources = pages.map((all) => ({ page: all[0].page, mark: all[0].mark, quote: quotesOf(all).join(" … ").slice(0, 2000), boxes: boxesOfAll(all).slice(0, 200) }));
    return (await post(inside("/answer/pdf"), { question: question.slice(0, 2000), text: text.slice(0, 20000), sources })).blob();
  }
  if (format === "Markdown") return new Blob([markdownOf(question, text, pages)], { type: "text/markdown" });
  const items = await Promise.all(pages.map(async ([first]) => itemOf(first, await (await call(inside(`/documents/${first.document}`))).json())));
  return format === "BibTeX" ? new Blob([items.map(bibtexOf).join("\n")], { type: "application/x-bibtex" }) : new Blob([JSON.stringify(items, null, 2)], { type: "application/vnd.citationstyles.csl+json" });
}

const oneLine = (text) => text.replace(/\s+/g, " ").trim();

// Marks stay in the text; each is the number of a footnote with the page and its quotes.
function markdownOf(question, text, pages) {
  const escaped = (words) => oneLine(words).replace(/[\\`*_[\]<>#]/g, "\\$&");
  const notes = pages.map((all) => `[^${all[0].mark}]: ${escaped(all[0].name)}, ${place(all[0])}${quotesOf(all).map((quote) => `: “${escaped(quote)}”`).join("")} <${pageLink(all[0], quotesOf(all))}>`);
  const body = text.split(/(\[\d{1,3}\])/).map((part) => (/^\[\d+\]$/.test(part) ? `[^${part.slice(1)}` : part.replace(/[\\`*_<>#]/g, "\\$&"))).join("");
  return [`# ${escaped(question)}`, body, ...notes].join("\n\n") + "\n";
}

// A cited page as an item of CSL-JSON.
function itemOf(cited, document) {
  const date = document.date ? { issued: { "date-parts": [document.date.slice(0, 10).split("-").map(Number)] } } : {};
  const author = document.metadata.author ? { author: [{ literal: String(document.metadata.author) }] } : {};
  return { id: `${document.id.slice(0, 8)}-${cited.number}`, type: "document", title: document.title || document.name, ...author, ...date,
    "number-of-pages": document.pages, locator: cited.label || String(cited.number), label: "page", source: document.name, URL: pageLink(cited, []) };
}

const TEX = { "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "%": "\\%", "&": "\\&", "#": "\\#", $: "\\$", _: "\\_", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}" };
const tex = (text) => oneLine(String(text)).replace(/[\\{}%&#$_~^]/g, (char) => TEX[char]);

function bibtexOf(item) {
  const fields = { title: `{${tex(item.title)}}`, author: item.author ? `{${tex(item.author[0].literal)}}` : "", year: item.issued ? item.issued["date-parts"][0][0] : "", pages: tex(item.locator), howpublished: tex(item.source), url: item.URL.replace(/[{}]/g, encodeURIComponent) };
  return `@misc{${item.id},\n${Object.entries(fields).filter(([, value]) => value).map(([name, value]) => `  ${name} = {${value}}`).join(",\n")}\n}\n`;
}
