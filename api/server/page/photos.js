// Photos: a grid in rows of one width, by month; and a map of the places where they were taken.

let photosAfter = null;
let currentPhotos = null; // identifies the last request
let lastMonth = ""; // of the grid, so that a month's heading stands once

const photosShown = () => {
  const fields = addressed();
  const area = (fields.get("area") || "").split(",").map(Number);
  return { month: fields.get("month"), area: area.length === 4 && area.every(Number.isFinite) ? area : null };
};

function showPhotos() {
  show("photos");
  say("");
  return Promise.all([listPhotos(), showPhotoCounts()]);
}

function goPhotos(change = {}) {
  return go(new URLSearchParams({ photos: "", ...change, ...(collection ? { in: collection } : {}) }), { again: true });
}

const listPhotos = reportErrors(async (more = false) => {
  if (!more) {
    photosAfter = null;
    lastMonth = "";
  }
  const now = currentPhotos = {};
  const { month, area } = photosShown();
  const limits = area ? Object.fromEntries(["south", "west", "north", "east"].map((name, at) => [name, area[at]])) : {};
  const query = new URLSearchParams({ limit: 60, ...(month === null ? {} : { month }), ...limits, ...(photosAfter ? { cursor: photosAfter } : {}) });
  const found = await (await call(inside(`/photos?${query}`))).json();
  if (now !== currentPhotos) return;
  if (!more) $("photo-grid").replaceChildren();
  photosAfter = found.next_cursor;
  $("more-photos").hidden = !photosAfter;
  $("photo-total").textContent = number(found.total);
  $("no-photos").hidden = found.total > 0;
  for (const photo of found.photos) addPhoto(photo);
});

// Adds a photo that fills its row with the others: wide ones grow more. The first of a month says which it is.
function addPhoto(photo) {
  const month = photo.date ? photo.date.slice(0, 7) : "undated";
  const heading = month === lastMonth ? [] : [make("h3", { textContent: photo.date ? monthText(month) : t("Without a date") })];
  lastMonth = month;
  const ratio = Math.min(3, Math.max(0.4, photo.width / photo.height || 1));
  const cell = make("div", { className: "cell" }, ...heading, photoCard(photo));
  cell.style.flex = `${100 * ratio} 1 ${10 * ratio}rem`;
  cell.style.aspectRatio = String(ratio);
  $("photo-grid").append(cell);
}

function photoCard(photo) {
  const sheet = make("span", { className: "sheet" });
  const card = make("button", { type: "button", className: "card photo", data: { page: photo.page } }, sheet, guessTags(photo.guesses));
  card.setAttribute("aria-label", [photo.caption || photo.title || photo.name, photo.date ? dateText(photo.date) : "", photo.place].filter(Boolean).join(", "));
  whenSeen(sheet, () => draw(sheet, photo, [], 480).then((paper) => paper?.querySelector("img").setAttribute("alt", "")));
  card.addEventListener("click", () => visit(photo));
  return card;
}

// What a classifier guesses a photo to show: faint, for it is no caption.
function guessTags(guesses) {
  return make("span", { className: "tags" }, ...guesses.slice(0, 2).map((guess) => make("span", { className: "tag", textContent: guess.label, title: t("A guess of what it shows") })));
}

const showPhotoCounts = reportErrors(async () => {
  const counts = await (await call(inside("/photos/counts"))).json();
  const { month, area } = photosShown();
  const entries = [[null, t("All photos"), counts.photos], ...Object.entries(counts.months).map(([name, count]) => [name, monthText(name), count]), ...(counts.undated ? [["", t("Without a date"), counts.undated]] : [])];
  $("timeline").replaceChildren(...entries.map(([name, textContent, count]) => {
    const made = make("button", { type: "button", className: "quiet" }, make("span", { textContent }), make("span", { className: "faint", textContent: number(count) }));
    if (name === month && !area) made.setAttribute("aria-current", "true");
    made.addEventListener("click", () => goPhotos(name === null ? {} : { month: name }));
    return made;
  }));
  $("map").hidden = !counts.places.length;
  if (counts.places.length) drawMap(counts.places, area);
});

const worldView = [-180, -60, 180, 80]; // west, south, east, north in degrees: where people take photos
const NEAR = 0.035; // of the map's width: places nearer to each other are one mark

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// An outline map of a part of the world, without marks.
function outlines([west, south, east, north]) {
  const { steps, path } = WORLD;
  const view = [(west + 180) * steps, (90 - north) * steps, (east - west) * steps, (north - south) * steps];
  return svg("svg", { viewBox: view.join(" "), "aria-hidden": "true" }, svg("path", { d: path, class: "outline" }));
}

function drawMap(places, area, view = worldView) {
  const [west, south, east, north] = view;
  const at = (place) => [(place.longitude - west) / (east - west), (north - place.latitude) / (north - south)];
  const marks = [];
  for (const place of places) {
    const [x, y] = at(place);
    if (x < 0 || x > 1 || y < 0 || y > 1) continue;
    const near = marks.find((mark) => Math.hypot(mark.x - x, (mark.y - y) * ((north - south) / (east - west))) < NEAR);
    if (near) near.places.push(place);
    else marks.push({ x, y, places: [place] });
  }
  const whole = make("button", { type: "button", className: "quiet", textContent: t("Whole world"), hidden: view === worldView });
  whole.addEventListener("click", () => drawMap(places, area));
  $("map").replaceChildren(outlines(view), ...marks.map((mark) => placeMark(mark, places, area)), whole);
  $("map").style.aspectRatio = String((east - west) / (north - south));
}

function placeMark({ x, y, places: here }, places, area) {
  const count = here.reduce((sum, place) => sum + place.photos, 0);
  const name = [...new Set(here.map((place) => place.name).filter(Boolean))].slice(0, 3).join(", ");
  const label = [name, counted(count, "{n} photo", "{n} photos")].filter(Boolean).join(": ");
  const mark = make("button", { type: "button", className: "place", title: label, textContent: number(count) });
  mark.setAttribute("aria-label", label);
  mark.style.left = `${100 * x}%`;
  mark.style.top = `${100 * y}%`;
  const [south, west, north, east] = bounds(here);
  const chosen = area && south >= area[0] && west >= area[1] && north <= area[2] && east <= area[3];
  if (chosen) mark.setAttribute("aria-current", "true");
  mark.addEventListener("click", () => {
    if (here.length === 1 || (east - west < 4 && north - south < 4)) return goPhotos({ area: [south - 0.5, west - 0.5, north + 0.5, east + 0.5].map((one) => one.toFixed(2)).join(",") });
    return drawMap(places, area, around(here));
  });
  return mark;
}

function bounds(places) {
  const latitudes = places.map((place) => place.latitude);
  const longitudes = places.map((place) => place.longitude);
  return [Math.min(...latitudes), Math.min(...longitudes), Math.max(...latitudes), Math.max(...longitudes)];
}

// A part of the map with all places, some space around them, and the proportions of the whole.
function around(places, least = 20) {
  const [south, west, north, east] = bounds(places);
  const wide = Math.max(least, 1.5 * (east - west), (1.5 * (north - south) * 18) / 7);
  const high = (wide * 7) / 18;
  const [x, y] = [(west + east) / 2, (south + north) / 2];
  return [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2];
}

// A small map with one mark, for the viewer.
function smallMap(latitude, longitude) {
  const mark = make("span", { className: "place dot" });
  const map = make("div", { className: "map small" }, outlines(around([{ latitude, longitude }], 60)), mark);
  map.setAttribute("role", "img");
  map.setAttribute("aria-label", `${latitude.toFixed(3)}, ${longitude.toFixed(3)}`);
  mark.style.left = mark.style.top = "50%";
  return map;
}

$("more-photos").addEventListener("click", () => listPhotos(true));
$("show-photos").addEventListener("click", () => goPhotos());
