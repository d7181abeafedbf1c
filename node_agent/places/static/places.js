// The page as it is now, without a tap: it is fetched again when the server says that something changed, and every half minute for the ages.

const REFRESH = { headers: { "x-noaber-live": "1" }, credentials: "same-origin" };
const AGES_MS = 30_000;
/** So long what came of a tap stays to be read, whatever else changes meanwhile. */
const NOTE_MS = 10_000;
let source = null;
let isFetching = false;
let isStale = false;
let isTyping = false;

document.addEventListener("input", () => { isTyping = true; });

/** What is being filled in, or was opened to be, is never taken from under somebody's hands. */
function isBusy() {
  const focused = document.activeElement;
  return isTyping || (focused !== null && focused.matches("input, textarea, select"));
}

/** Put the new part in the place of the old; what was unfolded stays so, what had the focus keeps it. */
function replace(here, there) {
  for (const details of here.querySelectorAll("details[id]")) {
    const same = there.querySelector(`#${CSS.escape(details.id)}`);
    if (same) {
      same.open = details.open;
    }
  }
  const which = [...here.querySelectorAll("a, button, summary")].indexOf(document.activeElement);
  here.replaceChildren(...document.importNode(there, true).childNodes);
  if (which >= 0) {
    here.querySelectorAll("a, button, summary")[which]?.focus({ preventScroll: true });
  }
}

/** Fetch the page again. While somebody fills something in, only say that it changed. */
async function refresh(hasNews) {
  if (isBusy()) {
    document.querySelector(".news").hidden = !hasNews && document.querySelector(".news").hidden;
    return;
  }
  if (isFetching) {
    isStale = true;
    return;
  }
  isFetching = true;
  try {
    const url = new URL(location.href);
    url.searchParams.delete("note");
    const answer = await fetch(url, REFRESH);
    if (answer.redirected || answer.status === 401) {
      location.assign("/login");
      return;
    }
    if (answer.ok && !isBusy()) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const note = document.querySelector("main > .note");
      replace(document.querySelector("nav"), page.querySelector("nav"));
      replace(document.querySelector("main"), page.querySelector("main"));
      if (note && (!hasNews || performance.now() < NOTE_MS)) {
        document.querySelector("main").prepend(note);
      }
    }
  } catch {
    // There is no connection at the moment; the next news or the next half minute tries again.
  } finally {
    isFetching = false;
  }
  if (isStale) {
    isStale = false;
    refresh(true);
  }
}

/** Listen while the page is looked at: a phone in a pocket asks nothing. */
function listen() {
  if (document.hidden) {
    source?.close();
    source = null;
  } else if (source === null || source.readyState === EventSource.CLOSED) {
    source = new EventSource("/changes");
    source.addEventListener("open", () => { refresh(false); });
    source.addEventListener("changed", () => { refresh(true); });
  }
}

if (document.querySelector("nav")) {
  document.addEventListener("visibilitychange", listen);
  setInterval(() => { listen(); if (!document.hidden) { refresh(false); } }, AGES_MS);
  listen();
}
