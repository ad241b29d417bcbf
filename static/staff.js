/* The theme hides the page until its scripts have run, and what is hidden cannot take the focus: so it is
   given here, to the refusal on which the page was sent back. */
document.addEventListener("alpine:initialized", () => {
  requestAnimationFrame(() => document.querySelector("[autofocus]:is(.staff-refusal, .staff-error)")?.focus());
});

/* Whoever works on a company holds it for half an hour, and longer while its page is looked at. */
const MINUTE = 60_000;
const LEASE = 30 * MINUTE;
const RENEW_EVERY = 5 * MINUTE;
const WARN_AT = [5, 1];

function holdOn(shown) {
  const told = document.getElementById("lease-told");
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  let until = Date.parse(shown.dateTime);
  let renewedAt = until - LEASE;
  let warned = Infinity;
  let isOver = false;

  const say = (text) => { told.textContent = text; };
  const lost = (text) => {
    isOver = true;
    shown.closest("p").textContent = text;
    say(text);
  };

  async function renew() {
    renewedAt = Date.now();
    let answer;
    try {
      answer = await fetch(shown.dataset.lease, { method: "POST", headers: { "X-CSRFToken": token } });
    } catch {
      renewedAt -= RENEW_EVERY - MINUTE; // No network: it is tried again in a minute, and warnings are said.
      return;
    }
    if (answer.status === 409) {
      lost((await answer.json()).told);
    } else if (answer.ok && !answer.redirected) {
      until = Date.now() + (await answer.json()).seconds * 1000;
      warned = Infinity;
      shown.dateTime = new Date(until).toISOString();
      shown.textContent = `${shown.dateTime.slice(11, 16)} UTC`;
    }
  }

  function look() {
    if (isOver) return;
    const left = until - Date.now();
    if (left <= 0) {
      lost("Your time with this company is over. What you typed is still here: store it, and take it again.");
      return;
    }
    if (!document.hidden && Date.now() - renewedAt >= RENEW_EVERY) renew();
    const due = WARN_AT.filter((minutes) => left <= minutes * MINUTE).at(-1);
    if (due !== undefined && due < warned) {
      warned = due;
      say(`You have this company for ${due} more ${due === 1 ? "minute" : "minutes"}.`);
    }
  }

  setInterval(look, 10_000);
  document.addEventListener("visibilitychange", look);
}

/* A number is copied where the browser lets a page do so; else the button stays hidden. */
function offerToCopy(button) {
  const told = document.querySelector("[data-copied]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      told.textContent = "Copied.";
    } catch {
      told.textContent = "The browser did not let it be copied.";
    }
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const shown = document.querySelector("[data-lease]");
  if (shown) holdOn(shown);
  const number = document.querySelector("[data-copy]");
  if (number && navigator.clipboard) offerToCopy(number);
});
