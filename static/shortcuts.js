/* Keys of the call desk. They do nothing until somebody switches them on, and never while a text is typed.
   A page says with data-key what a key presses, follows or goes to; questions are numbered as they stand. */
const SWITCHED_ON = "desk-shortcuts";
const TYPED_IN = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=submit])";

const keysAreOn = () => localStorage.getItem(SWITCHED_ON) === "on";
let question = null;
let isSent = false;

function answer(word) {
  const radio = question?.querySelector(`input[type=radio][value=${word}]`);
  radio?.click();
  radio?.focus();
}

function ask(number) {
  const asked = [...document.querySelectorAll("fieldset[data-question]")][number - 1];
  const radios = [...(asked?.querySelectorAll("input[type=radio]") ?? [])];
  if (!radios.length) return;
  question = asked;
  (radios.find((radio) => radio.checked) ?? radios[0]).focus();
}

function act(key) {
  const meant = document.querySelector(`[data-key="${CSS.escape(key)}"]:not(:disabled)`);
  if (!meant) return false;
  const inside = meant.closest("details:not([open])");
  if (inside) inside.open = true;
  if (meant.matches("input, select, textarea") || meant.dataset.keyGoes !== undefined) meant.focus();
  else meant.click();
  return true;
}

function onKey(event) {
  const help = document.getElementById("shortcuts");
  if (!keysAreOn() || event.ctrlKey || event.altKey || event.metaKey || event.repeat || isSent) return;
  if (event.target.closest(TYPED_IN) || help?.open) return;
  const { key } = event;
  if (key === "?" && help) help.showModal();
  else if (/^[1-9]$/.test(key)) ask(Number(key));
  else if (key === "y") answer("yes");
  else if (key === "x") answer("no");
  else if (!act(key)) return;
  event.preventDefault();
}

function showSwitch(bar) {
  const pressed = bar.querySelector("[data-shortcuts-switch]");
  const show = () => {
    pressed.setAttribute("aria-pressed", keysAreOn());
    pressed.textContent = `Keyboard shortcuts: ${keysAreOn() ? "on" : "off"}`;
  };
  pressed.addEventListener("click", () => {
    localStorage.setItem(SWITCHED_ON, keysAreOn() ? "off" : "on");
    show();
  });
  bar.querySelector("[data-shortcuts-help]").addEventListener("click", () => {
    document.getElementById("shortcuts").showModal();
  });
  show();
  bar.hidden = false;
}

document.addEventListener("DOMContentLoaded", () => {
  const bar = document.querySelector("[data-shortcuts]");
  if (!bar) return;
  showSwitch(bar);
  document.addEventListener("keydown", onKey);
  // Of two presses the second would meet what the first has stored. Going back to the page begins anew.
  document.addEventListener("submit", () => { isSent = true; });
  window.addEventListener("pageshow", () => { isSent = false; });
});
