import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Where the gateway is while developing; in production it serves these files itself. */
const gateway = process.env.PAYDOWN_GATEWAY_URL ?? `http://127.0.0.1:${process.env.PAYDOWN_GATEWAY_PORT ?? "8080"}`;
const proxy = { "/api": { target: gateway, changeOrigin: false } };

export default defineConfig({
  plugins: [react()],
  server: { host: "127.0.0.1", proxy },
  preview: { host: "127.0.0.1", proxy },
  build: { target: "es2023", sourcemap: false, modulePreload: { polyfill: false }, assetsInlineLimit: 0, manifest: true },
  test: { environment: "jsdom", include: ["tests/**/*.test.{ts,tsx}"], setupFiles: ["tests/setup.ts"], css: false },
});
