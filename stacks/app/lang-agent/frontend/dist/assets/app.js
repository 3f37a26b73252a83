// Adds cards and shows those of this browser's user.
const user = (localStorage.user ??= crypto.randomUUID());
let token = "";

async function call(path, body) {
  const answer = await fetch(path, {
    method: body ? "POST" : "GET",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function show() {
  const rows = (await call("/api/cards")).map((card) => {
    const row = document.createElement("tr");
    for (const text of [card.word, card.translation]) row.insertCell().textContent = text;
    return row;
  });
  document.querySelector("table").replaceChildren(...rows);
}

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { word, translation } = Object.fromEntries(new FormData(event.target));
  await call("/api/cards", { word, translation: translation || null });
  event.target.reset();
  await show();
});

call("/api/auth/token", { user }).then((answer) => {
  token = answer.access_token;
  return show();
});
