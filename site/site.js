// What scripts add to pages that are complete without them: a search box, the chosen language, folded code on a phone.
"use strict";
{
  const { root, index } = document.currentScript.dataset;
  const chinese = document.documentElement.lang.startsWith("zh");
  const words = chinese
    ? { label: "搜索", hint: "搜索", none: "没有找到", found: n => `${n}处` }
    : { label: "Search", hint: "Search", none: "Nothing found", found: n => (n === 1 ? "1 section" : `${n} sections`) };

  // The first page opens in the language that the reader chose last.
  for (const link of document.querySelectorAll("[data-language]"))
    link.addEventListener("click", () => {
      try { localStorage.setItem("language", link.dataset.language); } catch {} // private mode
    });

  // Pages from file:// cannot fetch files, but may load scripts: the index is one, loaded with the first key.
  let sections = null;
  function load() {
    if (sections || document.querySelector(`script[src="${index}"]`)) return;
    const script = document.createElement("script");
    script.src = index;
    script.onload = () => { sections = window.searchIndex; search(); };
    script.onerror = () => script.remove(); // the next key tries again
    document.head.append(script);
  }

  const box = document.getElementById("search");
  box.innerHTML = `<form role="search"><input type="search" autocomplete="off" spellcheck="false"></form><div class="results" hidden><p role="status"></p><ol></ol></div>`;
  const [input, panel, status, list] = ["input", ".results", ".results p", ".results ol"].map(s => box.querySelector(s));
  input.setAttribute("aria-label", words.label);
  input.placeholder = words.hint;

  // Substrings, not words: Chinese has no spaces, and a few hundred sections need no inverted index.
  function search() {
    const terms = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    panel.hidden = terms.length === 0 || !sections;
    if (panel.hidden) return;
    const hits = [];
    for (const [url, page, title, text] of sections) {
      const head = `${page} ${title}`.toLowerCase(), body = text.toLowerCase();
      if (!terms.every(t => head.includes(t) || body.includes(t))) continue;
      const score = terms.reduce((sum, t) => sum + (head.includes(t) ? 10 : 0) + Math.min(body.split(t).length - 1, 5), 0);
      hits.push({ url, page, title, text, score, at: Math.max(...terms.map(t => body.indexOf(t))) });
    }
    hits.sort((a, b) => b.score - a.score);
    status.textContent = hits.length ? words.found(hits.length) : words.none;
    list.replaceChildren(...hits.slice(0, 12).map(hit => item(hit, terms)));
  }

  function item({ url, page, title, text, at }, terms) {
    const li = document.createElement("li"), a = document.createElement("a"), small = document.createElement("small");
    a.href = root + url;
    a.textContent = title === page ? page : `${page} › ${title}`;
    const from = Math.max(0, at - 40);
    const snippet = (from ? "…" : "") + text.slice(from, from + 130) + "…";
    const pattern = new RegExp(`(${terms.map(t => t.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "gi");
    small.append(...snippet.split(pattern).map((part, n) => {
      if (n % 2 === 0) return part;
      const mark = document.createElement("mark");
      mark.textContent = part;
      return mark;
    }));
    li.append(a, small);
    return li;
  }

  input.addEventListener("focus", load);
  input.addEventListener("input", event => { load(); if (!event.isComposing) search(); });
  input.addEventListener("compositionend", search); // of an input method, such as pinyin
  box.querySelector("form").addEventListener("submit", event => {
    event.preventDefault();
    list.querySelector("a")?.click();
  });
  // The arrow keys go through the results, Escape closes them. While an input method is open, they are its own.
  box.addEventListener("keydown", event => {
    if (event.isComposing) return;
    const stops = [input, ...list.querySelectorAll("a")], at = stops.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && stops[at + step]) stops[at + step].focus();
    else if (event.key === "Escape") { input.value = ""; input.focus(); search(); }
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", () => { panel.hidden = true; });
  document.addEventListener("click", event => { if (!box.contains(event.target)) panel.hidden = true; });

  // On a phone, code is folded; paper shows everything.
  const folds = [...document.querySelectorAll("details.fold")];
  const button = document.querySelector(".unfold");
  if (button && folds.length && matchMedia("(max-width: 40rem)").matches) {
    for (const fold of folds) fold.open = false;
    button.hidden = false;
    button.addEventListener("click", () => {
      for (const fold of folds) fold.open = true;
      button.hidden = true;
    });
  }
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });

  // What scrolls sideways can be reached and scrolled with the keyboard.
  function reachable() {
    for (const e of document.querySelectorAll("pre, .wide, .math, .output, .figure"))
      if (e.scrollWidth > e.clientWidth + 1) e.tabIndex = 0;
      else e.removeAttribute("tabindex");
  }
  reachable();
  addEventListener("load", reachable);
  addEventListener("resize", reachable);
  document.addEventListener("toggle", reachable, true);
}
