// Light or dark, as Airflow shows itself: it keeps "light", "dark" or "system" under this key, and
// sets the resolved one as a class on its <html>.
{
  const KEY = "theme";
  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
  const parentRoot = findParentRoot();

  function findParentRoot() {
    try {
      return window.parent === window ? null : window.parent.document.documentElement;
    } catch {
      // a frame of another origin tells nothing
      return null;
    }
  }

  function storedTheme() {
    try {
      return window.localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function isDark() {
    if (parentRoot?.classList.contains("dark")) return true;
    if (parentRoot?.classList.contains("light")) return false;
    const stored = storedTheme();
    return stored === "dark" || (stored !== "light" && systemDark.matches);
  }

  function apply() {
    const dark = isDark();
    document.documentElement.classList.toggle("dark", dark);
    document.documentElement.classList.toggle("light", !dark);
  }

  apply();
  systemDark.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  if (parentRoot) {
    new MutationObserver(apply).observe(parentRoot, { attributeFilter: ["class"] });
  }
}
