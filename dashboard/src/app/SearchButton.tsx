/** The search, on every page: a button, and Ctrl-K or ⌘K. It is loaded when it is first opened. */
import { lazy, type ReactElement, Suspense, useCallback, useEffect, useState } from "react";
import { allMessages, T } from "../i18n/i18n";
import { PlainButton } from "../ui/links";

const SearchDialog = lazy(async () => {
  const [module] = await Promise.all([import("../search/SearchDialog"), allMessages]);
  return module;
});

export function SearchButton(): ReactElement {
  const [open, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      if (event.altKey || event.shiftKey) return;
      event.preventDefault();
      setOpen(true);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return (
    <>
      <PlainButton
        type="button"
        aria-haspopup="dialog"
        aria-keyshortcuts="Control+K Meta+K"
        onClick={() => setOpen(true)}
      >
        <T id="nav.search" /> <kbd aria-hidden>Ctrl K</kbd>
      </PlainButton>
      {open && (
        <Suspense fallback={null}>
          <SearchDialog onClose={close} />
        </Suspense>
      )}
    </>
  );
}
