/** The cache of what was read from the API, and when something is read again. */
import { QueryClient } from "@tanstack/react-query";
import { Problem } from "./problem";

const RETRIES_MAX = 3;
/** What a page shows is read again, so that its figures are never older than half a minute. */
export const REFRESH_MS = 10_000;

/**
 * Whether another try may help: without an answer, or when a service behind the gateway is away.
 */
function worthRetrying(error: unknown): boolean {
  return !(error instanceof Problem) || error.status === 0 || error.status > 500;
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // Ask even when the browser believes that it is offline, so that the page says what is
      // missing.
      networkMode: "always",
      staleTime: 2_000,
      refetchInterval: REFRESH_MS,
      refetchOnWindowFocus: true,
      retry: (failures, error) => failures < RETRIES_MAX && worthRetrying(error),
      retryDelay: (failures) => Math.min(1_000 * 2 ** failures, 8_000),
    },
    // A change is never repeated by itself, nor stored until there is a network again.
    mutations: { retry: false, networkMode: "always" },
  },
});
