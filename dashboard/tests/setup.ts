import "@testing-library/jest-dom/vitest";
import { format } from "node:util";
import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

// A machine that is busy with other tests needs more than the default second.
configure({ asyncUtilTimeout: 10_000 });

// jsdom has no layout, and reports a call of this as an error.
window.scrollTo = () => undefined;

// React reports a missing key, an update outside of `act` and the like only here. Each fails its test.
const errors: string[] = [];
console.error = (...parts: unknown[]) => void errors.push(format(...parts));

afterEach(() => {
  cleanup();
  const found = errors.splice(0);
  if (found.length > 0) throw new Error(`console.error was called:\n${found.join("\n")}`);
});
