// Filters the rows by words and states. What is chosen stands in the query of the
// address, so that it can be linked; without this script all rows are shown.
(() => {
  "use strict";
  const form = document.getElementById("page:filter");
  const shown = document.getElementById("page:shown");
  const table = document.getElementById("page:table");
  const box = form.elements.q;
  const toggles = [...form.querySelectorAll("input[name=state]")];
  const text = (element, parts) => [...element.querySelectorAll(parts)].map((part) => part.textContent).join(" ");

  // The rows that tell more of a row.
  const below = (row) => {
    const next = row.nextElementSibling;
    return next && next.classList.contains("told") ? [next, ...below(next)] : [];
  };

  // A role's body of rows comes before those of its groups.
  const roles = [];
  let count = 0;
  for (const body of table.tBodies) {
    if (body.classList.contains("role")) {
      roles.push({ body, name: text(body, "h2"), groups: [] });
      continue;
    }
    const role = roles[roles.length - 1];
    const theme = role.name + " " + text(body, "h3");
    const rows = [...body.querySelectorAll("tr[data-states]")].map((row) => ({
      parts: [row, ...below(row)],
      words: (theme + " " + text(row, "th p, dd, .reason, .link")).toLowerCase(),
      states: row.dataset.states.split(" "),
    }));
    count += rows.length;
    role.groups.push({ body, rows });
  }

  const apply = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = toggles.filter((toggle) => toggle.checked).map((toggle) => toggle.value);
    let found = 0;
    for (const role of roles) {
      role.body.hidden = true;
      for (const group of role.groups) {
        group.body.hidden = true;
        for (const { parts, words: has, states: came } of group.rows) {
          const fits = words.every((word) => has.includes(word)) &&
            (states.length === 0 || states.some((state) => came.includes(state)));
          for (const part of parts) part.hidden = !fits;
          if (fits) {
            found++;
            group.body.hidden = role.body.hidden = false;
          }
        }
      }
    }
    shown.textContent = found + " of " + count + " shown";
    return { words: box.value.trim(), states };
  };

  const remember = () => {
    const { words, states } = apply();
    const query = new URLSearchParams();
    if (words) query.set("q", words);
    for (const state of states) query.append("state", state);
    const search = query.size ? "?" + query : "";
    try {
      history.replaceState(null, "", location.pathname + search + location.hash);
    } catch {
      // Some browsers keep the address of a file as it is.
    }
  };

  const recall = () => {
    const query = new URLSearchParams(location.search);
    box.value = query.get("q") || "";
    for (const toggle of toggles) toggle.checked = query.getAll("state").includes(toggle.value);
    apply();
  };

  const clear = () => {
    box.value = "";
    for (const toggle of toggles) toggle.checked = false;
    remember();
  };

  // Rows that are scrolled to stay clear of the header that stays.
  const measure = () => {
    const cell = table.tHead.rows[0].lastElementChild;
    const height = getComputedStyle(cell).position === "sticky" ? cell.offsetHeight : 16;
    document.documentElement.style.scrollPaddingTop = height + "px";
  };

  // A link leads to its target also where that was filtered out.
  const reveal = () => {
    let id = location.hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
      return; // an address that somebody has mistyped
    }
    const target = document.getElementById(id);
    if (!target || !table.contains(target)) return;
    if (target.closest("[hidden]")) clear();
    measure();
    target.scrollIntoView();
  };

  form.addEventListener("input", remember);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.all.addEventListener("click", clear);
  addEventListener("hashchange", reveal);
  addEventListener("resize", measure);
  // Browsers that can't show closed details by style alone.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
  form.hidden = false; // which moves what is below it
  recall();
  reveal();
})();
