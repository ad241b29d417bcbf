/* The board shows itself anew every half minute, quietly: nothing is announced, and nothing is swapped while
   somebody is in it with the keyboard or selects text. */
const AGAIN = 30_000;

document.addEventListener("DOMContentLoaded", () => {
  const board = document.querySelector("[data-board]");
  if (!board) return;

  const isInUse = () => board.contains(document.activeElement) || !document.getSelection().isCollapsed;
  const isStale = () => { board.querySelector("#board-stale").hidden = false; };

  async function showAnew() {
    if (document.hidden || isInUse()) return;
    let answer;
    try {
      answer = await fetch(board.dataset.board, { headers: { Accept: "text/html" } });
    } catch {
      isStale(); // No network: the time says how old it is, and it is tried again.
      return;
    }
    // Logged out, or not a lead any more: what stands here is as old as it says.
    if (!answer.ok || answer.redirected) {
      isStale();
      return;
    }
    const shown = await answer.text();
    if (!isInUse()) board.innerHTML = shown;
  }

  setInterval(showAnew, AGAIN);
  document.addEventListener("visibilitychange", showAnew);
});
