/* What the referrer will read of the reason that is chosen; without a script the list of all stands below. */
document.addEventListener("DOMContentLoaded", () => {
  const told = document.getElementById("reason-told");
  const select = document.querySelector("select[name=reason]");
  if (!told || !select) return;
  const texts = new Map();
  for (const each of document.querySelectorAll("#reasons-told [data-reason]")) {
    texts.set(each.dataset.reason, each.querySelector("span").textContent);
  }
  const tell = () => {
    told.textContent = texts.get(select.value) || "";
    told.hidden = !told.textContent;
  };
  select.addEventListener("change", tell);
  tell();
});
