// Names and keyboard focus that the theme's dialogs, copy bars and wide tables lack (axe-core); again after every page.
function name() {
  document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search");
  document.querySelectorAll(".md-code__nav").forEach((nav, k) => nav.setAttribute("aria-label", `Code ${k + 1}`));
  document.querySelectorAll(".md-typeset__scrollwrap").forEach((table) => table.setAttribute("tabindex", "0"));
}
document.addEventListener("DOMContentLoaded", () => setTimeout(name));
