"use strict";
let busy = false;
async function renew() {
  if (busy || document.hidden) return;
  busy = true;
  try {
    const answer = await fetch("/", { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const there = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [old, fresh] = [document.querySelector("main"), there.querySelector("main")];
    if (old.innerHTML !== fresh.innerHTML) old.replaceWith(fresh);
    document.title = there.title;
    document.body.classList.remove("lost");
  } catch {
    document.body.classList.add("lost");
  } finally {
    busy = false;
  }
}
setInterval(renew, 5000);
document.addEventListener("visibilitychange", renew);
