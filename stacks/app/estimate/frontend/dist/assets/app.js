// Makes estimates of one item, and lists those of this browser's user.
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
  const items = (await call("/api/estimates")).map(({ name, created_at }) => {
    const item = document.createElement("li");
    item.textContent = `${name}, ${created_at}`;
    return item;
  });
  document.querySelector("ul").replaceChildren(...items);
}

async function start() {
  token = (await call("/api/auth/login", { user })).accessToken;
  const options = (await call("/api/prices")).map(({ code, name, unit }) => new Option(`${name}, ${unit}`, code));
  document.querySelector("select").replaceChildren(...options);
  await show();
}

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, code, quantity } = Object.fromEntries(new FormData(event.target));
  await call("/api/estimates", { name, items: [{ code, quantity: Number(quantity) }] });
  event.target.reset();
  await show();
});
start();
