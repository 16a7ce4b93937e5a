/** Starts the dashboard in the page's #root. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { applyColorScheme, chosenColorScheme } from "./ui/colorScheme";

applyColorScheme(chosenColorScheme());
window
  .matchMedia("(prefers-color-scheme: dark)")
  .addEventListener("change", () => applyColorScheme(chosenColorScheme()));
const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
