import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import { changedSearch, type Search } from "./search";

/**
 * The search part of the address, and a function that changes it.
 * With `replace` the change makes no new entry in the browser's history, as while typing.
 */
export function useAddress(): [Search, (change: Search, replace?: boolean) => void] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const change = useCallback(
    (by: Search, replace = false) => {
      void navigate({ to: ".", search: changedSearch(search, by), replace, resetScroll: false });
    },
    [navigate, search],
  );
  return [search, change];
}
