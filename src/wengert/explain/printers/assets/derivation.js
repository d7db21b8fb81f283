// Choosing a term of a formula marks the lines that it comes from and those that it goes to.
document.querySelectorAll(".wg:not([data-ready])").forEach((page) => {
  page.dataset.ready = "";
  const terms = [...page.querySelectorAll(".term")];
  const rows = [...page.querySelectorAll("tr[data-line]")];
  const told = page.querySelector(".told");
  const hint = told.textContent;
  // One stop for the tab key; the arrows go from term to term.
  const reach = (term) => {
    terms.forEach((other) => other.setAttribute("tabindex", "-1"));
    term.setAttribute("tabindex", "0");
  };
  const lines = (found, kind, words) => {
    if (!found.length) return;
    const part = document.createElement("span");
    part.className = kind;
    part.append(words + found.map((row) => row.dataset.line).join(", "));
    told.append("; ", part);
  };
  const choose = (term) => {
    const name = term ? term.dataset.term : null;
    terms.forEach((other) => other.classList.toggle("same", other.dataset.term === name));
    const from = rows.filter((row) => row.dataset.about === name);
    const to = rows.filter((row) => row.dataset.about !== name && terms.some(
      (other) => other.dataset.term === name && other.closest("tr") === row));
    rows.forEach((row) => {
      row.classList.toggle("from", from.includes(row));
      row.classList.toggle("to", to.includes(row));
    });
    told.replaceChildren(name === null ? hint : name);
    if (name === null) return;
    if (!from.length) told.append(" is given");
    lines(from, "from", "comes from line ");
    lines(to, "to", "goes to line ");
  };
  if (terms.length) reach(terms[0]);
  page.addEventListener("click", (event) => {
    const term = event.target.closest(".term");
    if (term) reach(term);
    choose(term);
  });
  page.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return choose(null);
    const term = event.target.closest(".term");
    if (!term) return;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      const next = terms[(terms.indexOf(term) + step + terms.length) % terms.length];
      reach(next);
      next.focus();
      event.preventDefault();
    } else if (event.key === "Enter" || event.key === " ") {
      choose(term);
      event.preventDefault();
    }
  });
});
