/* The checklist: all answers at once, the reason that a No brings along, and what the referrer will read of it.
   Without a script the server does the first two, and the list of all reasons stands below. */
document.addEventListener("DOMContentLoaded", () => {
  const told = document.getElementById("reason-told");
  const select = document.querySelector("select[name=reason]");
  if (!told || !select) return;
  const texts = new Map();
  for (const each of document.querySelectorAll("#reasons-told [data-reason]")) {
    texts.set(each.dataset.reason, each.querySelector("span").textContent);
  }
  const questions = [...document.querySelectorAll("fieldset[data-question]")];
  let isChosen = select.value !== "";

  const tell = () => {
    told.textContent = texts.get(select.value) || "";
    told.hidden = !told.textContent;
  };
  // What somebody chose stays; else it is the reason of the first No, as the server takes it.
  const choose = () => {
    if (!isChosen) {
      const no = questions.find((question) => question.querySelector("input[value=no]:checked"));
      select.value = no?.dataset.no ?? "";
      if (select.selectedIndex < 0) select.value = "";
    }
    tell();
  };
  select.addEventListener("change", () => {
    isChosen = select.value !== "";
    choose();
  });
  for (const question of questions) question.addEventListener("change", choose);
  choose();

  document.querySelector("[data-all-yes]")?.addEventListener("click", (event) => {
    event.preventDefault();
    for (const question of questions) {
      const yes = question.querySelector("input[type=radio][value=yes]");
      if (yes) yes.checked = true;
    }
    choose();
    document.getElementById("answers-told").textContent = "Every question is answered with Yes.";
  });
});
