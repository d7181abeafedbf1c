// A page about places keeps itself up to date: when the server says that something changed, its live parts are fetched anew.
// What somebody ticked, opened, or is writing stays as it is.

const main = document.querySelector("main[data-stream]");
const news = document.querySelector(".news");
let fetching = null;
let isStale = false;

const FIELDS = "input:not([type=hidden]), textarea, select";

/** Whether somebody is writing in it, or has written what was not sent yet. */
function isBeingWritten(part) {
  return [...part.querySelectorAll("textarea, input[type=text], input:not([type])")].some((one) => one === document.activeElement || one.value !== one.defaultValue);
}

/** What was ticked, chosen and opened in one rendering is so in the next. */
function carryOver(here, fresh) {
  for (const one of here.querySelectorAll(FIELDS)) {
    const same = one.id && fresh.querySelector(`#${CSS.escape(one.id)}`);
    if (same && (one.type === "checkbox" || one.type === "radio")) {
      same.checked = one.checked;
    }
  }
  const opened = new Map([...here.querySelectorAll("details")].map((one) => [one.querySelector("summary")?.textContent, one.open]));
  for (const one of fresh.querySelectorAll("details")) {
    one.open = opened.get(one.querySelector("summary")?.textContent) ?? one.open;
  }
}

/** Two renderings that differ in nothing a reader sees. */
function isSame(here, fresh) {
  const one = here.cloneNode(true);
  const other = fresh.cloneNode(true);
  for (const each of [...one.querySelectorAll("details"), ...other.querySelectorAll("details")]) {
    each.removeAttribute("open");
  }
  return one.isEqualNode(other);
}

function replace(here, there) {
  const fresh = document.importNode(there, true);
  carryOver(here, fresh);
  const focused = here.contains(document.activeElement) ? document.activeElement : null;
  const all = "a, button, summary, input, select, textarea";
  const which = focused ? [...here.querySelectorAll(all)].indexOf(focused) : -1;
  here.replaceWith(fresh);
  if (here.tagName === "DETAILS") {
    fresh.open = here.open;
  }
  if (focused) {
    const next = (focused.id && document.getElementById(focused.id)) || fresh.querySelectorAll(all)[which];
    next?.focus({ preventScroll: true });
  }
}

function take(page) {
  let changed = false;
  for (const there of page.querySelectorAll("[data-part][data-live]")) {
    const here = document.querySelector(`[data-part="${CSS.escape(there.dataset.part)}"]`);
    if (here && !isSame(here, there) && !isBeingWritten(here)) {
      replace(here, there);
      changed = true;
    }
  }
  if (changed && news && main.dataset.news) {
    // Only for those who hear the page: it is on the screen already.
    news.classList.add("unseen");
    news.hidden = false;
    news.textContent = "";
    news.textContent = main.dataset.news;
  }
}

/** Fetch this very page again, as the server makes it now, until nothing changed meanwhile; whether it is on the screen. */
async function catchUp() {
  try {
    do {
      isStale = false;
      const response = await fetch(location.pathname, { headers: { "noaber-background": "1" }, cache: "no-store", credentials: "same-origin", redirect: "error" });
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
    if (await refresh() && main.dataset.stream !== "/plekken/stroom") {
      stream.close();
      main.dataset.complete = "";
    }
  });
}
