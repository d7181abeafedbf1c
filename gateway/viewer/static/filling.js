// A dossier fills while holders answer. What the reader has before them stays where it is: news is announced, and comes when asked for.

const main = document.querySelector("main[data-stream]");
const news = document.querySelector(".news");
const parts = (within) => [...within.querySelectorAll("[data-part]")];
const named = (within, name) => within.querySelector(`[data-part="${CSS.escape(name)}"]`);
/** Whether the reader did anything yet: until then nothing can be moved from under their eyes. */
let hasLooked = false;
/** The newest page of the server, where it is not on the screen yet. */
let waiting = null;
let fetching = null;
let isStale = false;
/** From which record on everything is new to the reader. */
let seen = main ? main.dataset.seen : "0";

for (const kind of ["pointerdown", "keydown", "wheel", "touchstart", "scroll"]) {
  addEventListener(kind, () => {
    if (!hasLooked) {
      hasLooked = true;
      seen = main ? main.dataset.records : seen;
    }
  }, { passive: true, capture: true });
}

/** Two renderings of a part that differ in nothing a reader sees: what was opened or closed by hand does not count. */
function isSame(here, there) {
  const one = here.cloneNode(true);
  const other = there.cloneNode(true);
  one.querySelectorAll(".where-news").forEach((mark) => mark.remove());
  one.classList.remove("has-news");
  for (const details of [...one.querySelectorAll("details"), ...other.querySelectorAll("details")]) {
    details.removeAttribute("open");
  }
  for (const chart of [...one.querySelectorAll(".chart"), ...other.querySelectorAll(".chart")]) {
    chart.replaceChildren();
    chart.hidden = true;
  }
  return one.isEqualNode(other);
}

/** Put a part in the place of an older one; what was open stays open, what had the focus keeps it. */
function replace(here, there) {
  const fresh = document.importNode(there, true);
  const open = [...here.querySelectorAll("details")].map((one) => one.open);
  [...fresh.querySelectorAll("details")].forEach((one, index) => { one.open = open[index] ?? one.open; });
  const focused = here.contains(document.activeElement) ? document.activeElement : null;
  const which = focused ? [...here.querySelectorAll("a, button, summary, input, select")].indexOf(focused) : -1;
  here.replaceWith(fresh);
  if (focused) {
    const same = [...fresh.querySelectorAll("a, button, summary, input, select")];
    const address = focused.getAttribute("href");
    const next = (address && same.find((one) => one.getAttribute("href") === address)) || same[which];
    next?.focus({ preventScroll: true });
  }
  return fresh;
}

/** What of a new page is other than what is on the screen. */
function differences(page) {
  const found = [];
  for (const there of parts(page)) {
    const here = named(document, there.dataset.part);
    if (here === null || !isSame(here, there)) {
      found.push(there);
    }
  }
  const gone = parts(document).filter((here) => named(page, here.dataset.part) === null);
  return { found, gone };
}

/** Put a new part where it belongs: before the next one of the new page that is on the screen already. */
function insert(there) {
  const list = document.querySelector("[data-parts]");
  if (list === null || there.closest("[data-parts]") === null) {
    return;
  }
  let next = there.nextElementSibling;
  while (next && named(list, next.dataset.part ?? "") === null) {
    next = next.nextElementSibling;
  }
  list.insertBefore(document.importNode(there, true), next ? named(list, next.dataset.part) : null);
}

/** What the reader has at the top of the window stays there. */
function steadily(change) {
  const anchor = scrollY > 0 ? parts(main).find((one) => one.getBoundingClientRect().bottom > 120) : undefined;
  const before = anchor?.getBoundingClientRect().top;
  const name = anchor?.dataset.part;
  change();
  const after = name ? named(main, name)?.getBoundingClientRect().top : undefined;
  if (before !== undefined && after !== undefined && after !== before) {
    scrollBy({ top: after - before, behavior: "instant" });
  }
}

function applyAll(page) {
  steadily(() => {
    if (page.querySelector("[data-parts]") && !document.querySelector("[data-parts]")) {
      // The section was empty until now: there is nothing on it that could be moved.
      main.replaceChildren(...[...page.querySelector("main").childNodes].map((node) => document.importNode(node, true)));
    }
    const { found, gone } = differences(page);
    for (const there of found) {
      const here = named(document, there.dataset.part);
      if (here) {
        replace(here, there);
      } else {
        insert(there);
      }
    }
    gone.forEach((here) => here.remove());
  });
  document.querySelectorAll(".where-news").forEach((mark) => mark.remove());
  document.querySelectorAll(".has-news").forEach((one) => one.classList.remove("has-news"));
  main.dataset.records = page.querySelector("main").dataset.records;
  waiting = null;
  news.hidden = true;
  news.replaceChildren();
  dispatchEvent(new Event("noaber:filled"));
}

function announce(page, found) {
  waiting = page;
  const names = [...new Set(found.map((part) => part.dataset.name).filter(Boolean))];
  const text = found.length === 1 ? main.dataset.newsOne : main.dataset.news.replace("{n}", String(found.length));
  const said = names.length ? `${text}: ${names.slice(0, 4).join(", ")}${names.length > 4 ? " …" : ""}` : text;
  for (const there of found) {
    const here = named(document, there.dataset.part);
    if (here && !here.classList.contains("has-news")) {
      here.classList.add("has-news");
      const mark = document.createElement("span");
      mark.className = "where-news";
      mark.textContent = main.dataset.newsWhere;
      mark.setAttribute("aria-hidden", "true");
      here.append(mark);
    }
  }
  if (news.firstElementChild?.textContent === said) {
    return;
  }
  const sentence = document.createElement("span");
  sentence.textContent = said;
  const show = document.createElement("button");
  show.type = "button";
  show.textContent = main.dataset.newsShow;
  show.addEventListener("click", () => {
    if (waiting) {
      applyAll(waiting);
      seen = main.dataset.records;
      main.focus({ preventScroll: true });
    }
  });
  const hadFocus = news.contains(document.activeElement);
  news.hidden = false;
  news.replaceChildren(sentence, show);
  if (hadFocus) {
    show.focus({ preventScroll: true });
  }
}

function take(page) {
  if (page.querySelector("main[data-stream]") === null) {
    location.reload();
    return;
  }
  const { found, gone } = differences(page);
  const live = found.filter((part) => part.hasAttribute("data-live"));
  const rest = found.filter((part) => !part.hasAttribute("data-live"));
  if (!hasLooked) {
    applyAll(page);
    return;
  }
  steadily(() => {
    for (const there of live) {
      const here = named(document, there.dataset.part);
      if (here) {
        replace(here, there);
      }
    }
  });
  if (rest.length || gone.length) {
    announce(page, rest);
  }
}

/** Fetch this very page again, as the server makes it now, until nothing changed meanwhile; whether it is on the screen. */
async function catchUp() {
  try {
    do {
      isStale = false;
      const response = await fetch(location.pathname, { headers: { "noaber-seen": seen }, cache: "no-store", credentials: "same-origin", redirect: "error" });
      if (!response.ok) {
        return false;
      }
      take(new DOMParser().parseFromString(await response.text(), "text/html"));
    } while (isStale);
    return true;
  } catch {
    // The next change brings it, or the reader.
    return false;
  } finally {
    fetching = null;
  }
}

/** One at a time; what changes meanwhile is fetched after it. */
function refresh() {
  isStale = true;
  fetching ??= catchUp();
  return fetching;
}

if (main && !("complete" in main.dataset)) {
  document.querySelectorAll(".refresh").forEach((link) => link.classList.add("unneeded"));
  const stream = new EventSource(main.dataset.stream);
  stream.addEventListener("changed", refresh);
  stream.addEventListener("complete", async () => {
    // Nothing more comes only when all of it is drawn. Where it could not be fetched, the stream begins again and says so again.
    if (await refresh()) {
      stream.close();
      main.dataset.complete = "";
    }
  });
}
