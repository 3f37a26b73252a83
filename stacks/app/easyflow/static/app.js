// Sends messages and shows the latest ones with their replies.
const list = document.querySelector("ul");

async function show() {
  const answer = await fetch("/api/v1/messages");
  const items = (await answer.json()).map((message) => {
    const item = document.createElement("li");
    item.className = message.reply === null ? "waiting" : "";
    item.textContent = `${message.body} → ${message.reply ?? "waiting for a worker"}`;
    return item;
  });
  list.replaceChildren(...items);
}

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new FormData(event.target).get("body");
  await fetch("/api/v1/messages", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ body }),
  });
  event.target.reset();
  await show();
});
show();
