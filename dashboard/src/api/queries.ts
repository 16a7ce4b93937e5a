/** What was asked of the API, and how often it is asked again. */
import { QueryClient } from "@tanstack/react-query";
import { Problem } from "./problem";

const NEVER_BETTER = 500;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: "always", // a browser that believes itself offline asks all the same, so that the page says what it cannot read
      staleTime: 2_000,
      refetchOnWindowFocus: true,
      retry: (times, error) =>
        times < 3 &&
        (!(error instanceof Problem) || error.status === 0 || error.status > NEVER_BETTER),
      retryDelay: (times) => Math.min(1_000 * 2 ** times, 8_000),
    },
    mutations: { retry: false, networkMode: "always" }, // an order is never sent again by itself, nor kept until there is a network again
  },
});
