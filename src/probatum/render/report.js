// The page reads without this. It adds the search by name, opens and closes the tree, follows a
// link into a closed part of it, and remembers the chosen colours.
(() => {
  "use strict";
  document.documentElement.classList.add("js");
  const nodes = [...document.querySelectorAll(".tree details.n")];
  const byId = (id) => document.getElementById(id);
  const path = new Map();
  const label = (node) => node.querySelector(":scope > summary > .name").textContent;
  const above = (node) => node.parentElement.closest("details.n");
  for (const node of nodes) {
    const outer = above(node);
    path.set(node, ((outer ? path.get(outer) + " " : "") + label(node)).toLowerCase());
  }

  const search = byId("search");
  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const wanted = search.value.trim().toLowerCase();
      const kept = new Set();
      for (const node of nodes) {
        if (!path.get(node).includes(wanted)) continue;
        for (let one = node; one && !kept.has(one); one = above(one)) kept.add(one);
      }
      for (const node of nodes) node.classList.toggle("miss", !kept.has(node));
      for (const line of document.querySelectorAll(".first li"))
        line.classList.toggle("miss", !line.textContent.toLowerCase().includes(wanted));
      if (wanted) reveal();
    }, 120);
  });

  // The class that the style keeps for the chosen filters: `r`, `c3`, or `r3` for both.
  const chosen = () => {
    const verdict = document.querySelector("input[name=show]:checked").id.slice("show-".length);
    const claim = byId("claim").value;
    if (verdict === "all") return claim;
    return verdict[0] + claim.slice(1);
  };

  // Opening thousands of nodes at once helps nobody: the first few hundred that are shown.
  const reveal = () => {
    const wanted = chosen();
    nodes
      .filter((node) => !node.classList.contains("miss"))
      .filter((node) => wanted === "" || node.classList.contains(wanted))
      .slice(0, 200)
      .forEach((node) => { node.open = true; });
  };
  for (const one of document.querySelectorAll("input[name=show], #claim"))
    one.addEventListener("change", () => { if (chosen() !== "") reveal(); });

  byId("open").addEventListener("click", () => { for (const node of nodes) node.open = true; });
  byId("close").addEventListener("click", () => { for (const node of nodes) node.open = false; });

  const follow = () => {
    const target = /^#f[0-9]+$/.test(location.hash) && byId(location.hash.slice(1));
    if (!target) return;
    for (let one = above(target); one; one = above(one)) one.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();

  try {
    const chosen = localStorage.getItem("probatum-theme");
    if (["auto", "light", "dark"].includes(chosen)) byId("theme-" + chosen).checked = true;
    for (const one of document.querySelectorAll("input[name=theme]"))
      one.addEventListener("change", () => localStorage.setItem("probatum-theme", one.id.slice(6)));
  } catch { /* a browser that keeps nothing for local pages */ }

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = nodes.filter((node) => !node.open).slice(0, 2000);
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of closed) one.open = false; });
})();
