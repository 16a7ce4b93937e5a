import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { messages } from "./messages.ts";

/** Where the gateway is while developing; in production it serves these files itself. */
const gateway =
  process.env.PAYDOWN_GATEWAY_URL ??
  `http://127.0.0.1:${process.env.PAYDOWN_GATEWAY_PORT ?? "8080"}`;
const proxy = { "/api": { target: gateway, changeOrigin: false } };

/**
 * Packages and modules of the first load. They go into one file, because one file compresses better
 * than many; what they need of other packages comes with them. A module that is loaded lazily must
 * not be among them: `scripts/budget.mjs` fails then.
 */
const FRAME = [
  /node_modules\/(react|react-dom|scheduler|@tanstack|@emotion|stylis|clsx|openapi-\w+)\//,
  /use-sync|intl|messageformat/,
  /@mui\/(system|styled-engine|private-theming)/,
  /material\/(styles|CssBaseline|GlobalStyles|DefaultPropsProvider|zero-styled|colors)/,
  /src\/(app\/(?!FiguresAge|figures\.)|i18n\/(i18n|en-US\.core))/,
  /src\/api\/(client|problem|queryClient|request|session|signedIn|statuses)\.ts/,
  /src\/ui\/(Card|ListTable|Loading|Notice|Page|ProblemPanel|QueryView|StatusChip)\.tsx/,
  /src\/ui\/(format|icons|layout|links|money|search|statusLooks|styleNonce|theme)\.tsx?/,
];
const FRAME_MODULES = new RegExp(FRAME.map((pattern) => pattern.source).join("|"));

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
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "frame", test: FRAME_MODULES }] } },
    },
  },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/setup.ts"],
    testTimeout: 30_000,
    css: false,
  },
});
