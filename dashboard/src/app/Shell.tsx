/** The frame of every page: navigation, the signed-in person, and what concerns everybody. */
import { styled } from "@mui/material/styles";
import { useIsFetching } from "@tanstack/react-query";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { type ReactElement, type RefObject, Suspense, useEffect, useRef } from "react";
import { useNames } from "../api/names";
import { lazyWithMessages, T } from "../i18n/i18n";
import { preloadActionDialog } from "../ui/ActionDialog";
import { NamesContext } from "../ui/NamedId";
import { DuplicateNotice } from "./DuplicateNotice";
import { Header } from "./Header";
import { KillSwitchNotice } from "./KillSwitchNotice";

const FiguresAge = lazyWithMessages(() => import("./FiguresAge"));

const Main = styled("main")({
  padding: 24,
  maxWidth: 1280,
  margin: "0 auto",
  outline: "none",
  boxSizing: "border-box",
  "@media (max-width: 600px)": { padding: 12 },
});
/** A link to the content for people who use the keyboard; visible while it has the focus. */
const SkipLink = styled("a")(({ theme }) => ({
  position: "absolute",
  left: -9999,
  "&:focus": {
    left: 8,
    top: 8,
    zIndex: 10,
    padding: 8,
    background: (theme.vars ?? theme).palette.background.paper,
  },
}));

export function Shell(): ReactElement {
  const main = useRef<HTMLElement>(null);
  const loading = usePageLoading();
  useHeadingFocus(main);
  useEffect(preloadActionDialog, []);
  return (
    <>
      <SkipLink href="#main">
        <T id="skip" />
      </SkipLink>
      <Header />
      <Main id="main" ref={main} tabIndex={-1} data-loading={loading || undefined}>
        <KillSwitchNotice />
        <DuplicateNotice />
        <Suspense fallback={null}>
          <FiguresAge />
        </Suspense>
        <NamesContext value={useNames()}>
          <Outlet />
        </NamesContext>
      </Main>
    </>
  );
}

/**
 * Whether something on this page is being fetched for the first time. It is written into the
 * document, so that the browser scripts know when a page is complete.
 */
function usePageLoading(): boolean {
  const firstFetches = useIsFetching({ predicate: (one) => one.state.status === "pending" });
  const routeLoading = useRouterState({ select: (state) => state.isLoading });
  return firstFetches > 0 || routeLoading;
}

/**
 * Gives the focus to the heading of each newly opened page. Links marked with `data-keeps-focus`
 * (the tabs of a batch) keep it, so that a person can go on to the next one.
 */
function useHeadingFocus(main: RefObject<HTMLElement | null>): void {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const previousPath = useRef(path);
  useEffect(() => {
    const opened = previousPath.current !== undefined && previousPath.current !== path;
    previousPath.current = path;
    if (!opened || document.activeElement?.closest("[data-keeps-focus]")) return;
    const heading = main.current?.querySelector<HTMLElement>("h1") ?? main.current;
    heading?.focus({ preventScroll: true });
  }, [main, path]);
}
