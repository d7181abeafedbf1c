// Reads a block aloud with the browser's own voice, and warns before the session ends. Everything works without it.
const language = document.documentElement.lang;
const voice = globalThis.speechSynthesis;
let speaking = null;

function stop() {
  voice.cancel();
  speaking?.setAttribute("aria-pressed", "false");
  speaking = null;
}

if (voice) {
  for (const button of document.querySelectorAll("[data-speech]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const again = button === speaking;
      stop();
      if (again) return;
      const words = new SpeechSynthesisUtterance(button.dataset.speech);
      words.lang = language === "nl" ? "nl-NL" : "en-GB";
      words.rate = 0.9;
      words.onend = () => button === speaking && stop();
      speaking = button;
      button.setAttribute("aria-pressed", "true");
      voice.speak(words);
    });
  }
  addEventListener("pagehide", () => voice.cancel());
}

for (const notice of document.querySelectorAll("[data-seconds]")) {
  const left = Number(notice.dataset.seconds);
  setTimeout(() => { notice.textContent = notice.dataset.warning; notice.classList.add("soon"); }, Math.max(left - 120, 0) * 1000);
  setTimeout(() => location.assign("/overzicht"), (left + 1) * 1000);
}
