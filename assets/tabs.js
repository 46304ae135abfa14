// A reload of the page opens the tab that was open. Whoever follows a link or types the address begins where it leads.

const TABS_OPEN = "gan-studio.tab";
const TABS_WAIT_MS = 20_000;

function tabsFind(name) {
  return [...document.querySelectorAll("[role=tab], .overflow-dropdown button")].find((tab) => tab.textContent.trim() === name);
}

function tabsKeep() {
  const open = document.querySelector("[role=tab][aria-selected=true]");
  try {
    if (open) sessionStorage.setItem(TABS_OPEN, open.textContent.trim());
  } catch {
    // Without storage the page begins at its first tab.
  }
}

function tabsGoBack() {
  let name = null;
  try {
    name = sessionStorage.getItem(TABS_OPEN);
  } catch {
    return;
  }
  const reloaded = performance.getEntriesByType("navigation")[0]?.type === "reload";
  if (!name || !reloaded || new URLSearchParams(location.search).has("recipe")) return;
  const began = performance.now();
  const look = () => {
    const tab = tabsFind(name);
    if (tab) tab.click();
    else if (performance.now() - began < TABS_WAIT_MS) requestAnimationFrame(look);
  };
  look(); // The tabs come after the title, to which this belongs.
}

window.addEventListener("pagehide", tabsKeep);
tabsGoBack();
