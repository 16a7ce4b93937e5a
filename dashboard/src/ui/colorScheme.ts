/** The color scheme of this browser: light, dark, or whatever the operating system uses. */

export type ColorScheme = "light" | "dark" | "system";
const STORAGE_KEY = "paydown.scheme";

/** The scheme the person chose; `system` if none was chosen. */
export function chosenColorScheme(): ColorScheme {
  const stored = window.localStorage.getItem(STORAGE_KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

/** Put the scheme on the page and store it. Called before the first paint, so nothing flickers. */
export function applyColorScheme(scheme: ColorScheme): void {
  const dark =
    scheme === "dark" ||
    (scheme === "system" && window.matchMedia?.("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-scheme", dark ? "dark" : "light");
  document.documentElement.style.colorScheme = dark ? "dark" : "light";
  if (scheme === "system") window.localStorage.removeItem(STORAGE_KEY);
  else window.localStorage.setItem(STORAGE_KEY, scheme);
}
