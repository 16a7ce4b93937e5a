import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { applyScheme, chosenScheme } from "./theme";

applyScheme(chosenScheme());
window
  .matchMedia("(prefers-color-scheme: dark)")
  .addEventListener("change", () => applyScheme(chosenScheme()));
const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
