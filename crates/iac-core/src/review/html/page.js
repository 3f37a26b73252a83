"use strict";
// Filters, search and keys. Without it the page can be read all the same: every step opens by itself.
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const steps = all(".step");
  const groups = all(".group").map((group) => ({ group, steps: Array.from(group.querySelectorAll(".step")) }));
  const tools = byId("tools");
  const search = byId("search");
  const component = byId("component");
  const boxes = all('.tools input[type="checkbox"]');

  // The text of each step, read when it is first searched.
  const texts = new Map();
  const textOf = (step) => {
    if (!texts.has(step)) texts.set(step, step.textContent.toLowerCase());
    return texts.get(step);
  };

  const chosen = (name) => boxes.filter((box) => box.name === name && box.checked).map((box) => box.value);

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const actions = chosen("action");
    const tags = chosen("tag");
    const part = component ? component.value : "";
    let shown = 0;
    for (const step of steps) {
      const has = step.dataset.tags.split(" ");
      const fits =
        (actions.length === 0 || actions.includes(step.dataset.action)) &&
        (tags.length === 0 || tags.some((tag) => has.includes(tag))) &&
        (part === "" || part === step.dataset.component) &&
        words.every((word) => textOf(step).includes(word));
      step.hidden = !fits;
      shown += fits ? 1 : 0;
      const node = byId("g" + step.id.slice(1));
      if (node) node.classList.toggle("dim", !fits);
    }
    for (const { group, steps } of groups) group.hidden = steps.every((step) => step.hidden);
    byId("nothing").hidden = shown > 0;
    byId("shown").textContent = shown === steps.length ? `All ${shown}` : `${shown} of ${steps.length}`;
  };

  const reset = () => {
    search.value = "";
    if (component) component.value = "";
    for (const box of boxes) box.checked = false;
    filter();
  };

  // Opens what an address or a link names, whatever hides it.
  const reveal = (hash) => {
    const target = hash.length > 1 ? byId(hash.slice(1)) : null;
    if (!target) return;
    if (tools && target.closest(".steps [hidden]")) reset();
    for (let place = target; place; place = place.parentElement) {
      if (place.tagName === "DETAILS") place.open = true;
    }
    const summary = target.matches(".step") ? target.querySelector("summary") : target;
    target.scrollIntoView({ block: "nearest" });
    summary.focus({ preventScroll: true });
  };

  const go = (way) => {
    const visible = steps.filter((step) => !step.hidden);
    const here = document.activeElement ? document.activeElement.closest(".step") : null;
    const place = visible.indexOf(here);
    const next = place < 0 ? visible[way > 0 ? 0 : visible.length - 1] : visible[place + way];
    if (!next) return;
    next.querySelector("summary").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };

  const help = byId("help");
  const keys = {
    j: () => go(1),
    k: () => go(-1),
    "/": () => search && search.focus(),
    "?": () => help.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target.closest("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    // After the browser went there.
    if (link) setTimeout(() => reveal(link.getAttribute("href")), 0);
  });

  // The lines at the box that is pointed at.
  const lines = all(".drawing .lines path");
  const near = (event) => {
    const node = event.target.closest(".node");
    for (const line of lines) {
      const touches = node && (line.dataset.from === node.dataset.node || line.dataset.to === node.dataset.node);
      line.classList.toggle("near", Boolean(touches));
    }
  };
  for (const drawing of all(".drawing")) {
    drawing.addEventListener("mouseover", near);
    drawing.addEventListener("focusin", near);
  }

  const dark = matchMedia("(prefers-color-scheme: dark)");
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  });
  byId("help-button").addEventListener("click", () => help.showModal());

  if (tools) {
    let waiting = 0;
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(filter, 150);
    });
    for (const box of boxes) box.addEventListener("change", filter);
    if (component) component.addEventListener("change", filter);
    const open = (is) => steps.filter((step) => !step.hidden).forEach((step) => (step.open = is));
    byId("open-all").addEventListener("click", () => open(true));
    byId("close-all").addEventListener("click", () => open(false));
    byId("reset").addEventListener("click", reset);
    filter();
    // The bar must not cover what is gone to.
    new ResizeObserver(() => {
      const covers = getComputedStyle(tools).position === "sticky";
      document.documentElement.style.scrollPaddingTop = covers ? `${tools.offsetHeight + 8}px` : "";
    }).observe(tools);
  }
  for (const element of all(".buttons[hidden], .tools[hidden]")) element.hidden = false;

  // On paper nothing can be opened.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
  });

  reveal(location.hash);
})();
