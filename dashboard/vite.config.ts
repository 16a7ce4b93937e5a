import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { messages } from "./messages.ts";

/** Where the gateway is while developing; in production it serves these files itself. */
const gateway =
  process.env.PAYDOWN_GATEWAY_URL ??
  `http://127.0.0.1:${process.env.PAYDOWN_GATEWAY_PORT ?? "8080"}`;
const proxy = { "/api": { target: gateway, changeOrigin: false } };

/** What every page needs, in one file, which compresses better than many; what these need of other packages comes along by itself. */
const FRAME =
  /react-dom|node_modules\/react\/|@tanstack|@emotion|intl|messageformat|@mui\/(system|styled-engine|private-theming)|material\/(styles|CssBaseline|GlobalStyles|DefaultPropsProvider|zero-styled|colors)|clsx|scheduler|openapi|stylis|use-sync|src\/(shell|app|theme|routes|api\/(client|session|problem)|i18n\/(i18n|en-US\.core)|ui\/(figures|icons|table|StateChip|states|links|page|me|money|ProblemPanel|search))/;

export default defineConfig({
  plugins: [messages(), react()],
  resolve: {
    alias: [
      {
        find: /^@formatjs\/icu-messageformat-parser$/,
        replacement: "@formatjs/icu-messageformat-parser/no-parser.js",
      },
    ],
  },
  server: { host: "127.0.0.1", proxy },
  preview: { host: "127.0.0.1", proxy },
  build: {
    target: "es2023",
    sourcemap: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    manifest: true,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "frame", test: FRAME }] } } },
  },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/setup.ts"],
    css: false,
  },
});
