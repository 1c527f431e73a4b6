// What pages gain from scripts: keys, times that go on, what moves, copying. Everything else works
// without. Texts come from the page, so that they are in its language.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  const texts = document.body.dataset;

  // Times go on, in the words of the server.
  const ago = (seconds) => {
    if (seconds < 5) return texts.agoNow;
    if (seconds < 60) return texts.agoSeconds.replace("{}", Math.floor(seconds));
    if (seconds < 3600) return texts.agoMinutes.replace("{}", Math.floor(seconds / 60));
    if (seconds < 86400) return texts.agoHours.replace("{}", Math.floor(seconds / 3600));
    return texts.agoDays.replace("{}", Math.floor(seconds / 86400));
  };
  const refreshTimes = () => {
    for (const time of document.querySelectorAll("time[title]")) {
      const at = Date.parse(time.dateTime);
      if (!Number.isNaN(at)) time.textContent = ago(Math.max(0, (Date.now() - at) / 1000));
    }
  };
  setInterval(refreshTimes, 5000);

  // Keys.
  const search = document.getElementById("search");
  const keys = document.getElementById("keys");
  const pages = { o: "/", a: "/accounts", t: "/transactions", n: "/new/transfer" };
  let goes = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      search.focus();
      search.select();
      return;
    }
    const typing = event.target.closest("input, textarea, select, dialog");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") {
      event.preventDefault();
      keys.showModal();
    } else if (event.key === "g") {
      goes = Date.now();
    } else if (Date.now() - goes < 1500 && pages[event.key]) {
      location.assign(pages[event.key]);
    }
  });
  for (const button of document.querySelectorAll("[data-keys]")) {
    button.addEventListener("click", () => keys.showModal());
  }

  // A form is sent once by a double click; the server sees to the rest.
  for (const form of document.querySelectorAll("form.sheet")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
      for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    });
  }
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form.sheet")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
    }
  });
  const wrong = document.querySelector("form.sheet [aria-invalid]");
  if (wrong) wrong.focus();

  // Copying.
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      const before = button.textContent;
      button.textContent = texts.copied;
      document.getElementById("copied").textContent = texts.copied;
      setTimeout(() => { button.textContent = before; }, 1500);
    });
  }

  // What moves: rows that were not there before light up; a pause keeps the list still.
  let isPaused = false;
  const pause = document.querySelector("[data-pause]");
  if (pause) {
    pause.addEventListener("click", () => {
      isPaused = !isPaused;
      pause.setAttribute("aria-pressed", String(isPaused));
      pause.querySelector("[data-running]").hidden = isPaused;
      pause.querySelector("[data-paused]").hidden = !isPaused;
    });
  }
  const newest = (rows) => Number(rows.querySelector("tr")?.dataset.seq ?? 0);
  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    const target = event.target;
    if (target.dataset.live !== undefined) {
      // Whoever reads a row, or stands on it, keeps it.
      if (isPaused || target.contains(document.activeElement)) return event.preventDefault();
      target.dataset.newest = newest(target);
    }
    if (target.id === "rate-chart") {
      event.preventDefault();
      const position = JSON.parse(event.detail.data);
      target.dispatchEvent(new CustomEvent("saldo:position", { detail: position }));
    }
  });
  document.addEventListener("htmx:sseMessage", (event) => {
    const target = event.target;
    if (target.dataset.live === undefined) return;
    const before = Number(target.dataset.newest);
    for (const row of target.querySelectorAll("tr")) {
      if (Number(row.dataset.seq) > before) row.classList.add("fresh");
    }
    const card = target.closest("section");
    const empty = card.querySelector(".empty");
    if (empty && target.querySelector("tr")) {
      empty.hidden = true;
      target.closest("table").hidden = false;
    }
  });
})();
