import { useQuery } from "@tanstack/react-query";

/**
 * What an act would change, asked once for each key while a dialog is open. It is not asked again by
 * itself: a dry run takes the locks of the act, and is written to the audit log.
 */
export function usePreview<Answer>(key: readonly unknown[], ask: () => Promise<Answer>) {
  return useQuery({
    queryKey: ["preview", ...key],
    queryFn: ask,
    staleTime: 0,
    gcTime: 0,
    retry: false,
    refetchInterval: false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}
