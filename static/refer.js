// Copies the link or the code, and says so. Without it both can be selected, and the buttons stay hidden.

const said = document.getElementById("copied");

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    said.textContent = "";
    let copied = true;
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      // Without TLS, or where a browser wants the old way.
      field.select();
      copied = document.execCommand("copy");
      button.focus();
    }
    if (!copied) field.select();
    said.textContent = copied ? `Copied: ${button.dataset.name.toLowerCase()}.` : "Press Ctrl+C or ⌘C to copy.";
  });
}
