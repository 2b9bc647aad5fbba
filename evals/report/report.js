(() => {
  const cards = [...document.querySelectorAll(".q")];
  const words = document.querySelector("#words"), kind = document.querySelector("#kind"), counter = document.querySelector("#count");
  if (!words || !kind) return;
  const show = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const card of cards) {
      const text = card.dataset.text;
      const fits = wanted.every(word => text.includes(word)) && (!kind.value || card.dataset.kind.split(" ").includes(kind.value));
      card.hidden = !fits;
      count += fits;
    }
    counter.textContent = count + " of " + cards.length;
  };
  words.addEventListener("input", show);
  kind.addEventListener("change", show);
  show();
})();
