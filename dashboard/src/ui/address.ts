import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import { changed, type Search } from "./search";

/** What the address says, and how to change it. `replace`: not a step to go back to, as while typing. */
export function useAddress(): [Search, (change: Search, replace?: boolean) => void] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const change = useCallback(
    (by: Search, replace = false) => {
      void navigate({ to: ".", search: changed(search, by), replace, resetScroll: false });
    },
    [navigate, search],
  );
  return [search, change];
}
