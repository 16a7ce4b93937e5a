/** The frame of every page: who is signed in, where one can go, and what everybody must know. */
import { styled } from "@mui/material/styles";
import { useIsFetching } from "@tanstack/react-query";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { type ReactElement, type RefObject, useEffect, useRef, useState } from "react";
import { query } from "./api/client";
import { Problem } from "./api/problem";
import { DEMO_PEOPLE, may, type Person, type Role } from "./api/session";
import { type Id, T, useText } from "./i18n/i18n";
import { Icon } from "./ui/icons";
import { Link, Press } from "./ui/links";
import { useMe } from "./ui/me";
import { Notice, Page } from "./ui/page";
import { ProblemPanel } from "./ui/ProblemPanel";

type Place = {
  to:
    | "/"
    | "/upload"
    | "/batches"
    | "/ledger"
    | "/reconciliation"
    | "/operations"
    | "/audit"
    | "/settings";
  word: Id;
  roles?: Role[];
};
const PLACES: Place[] = [
  { to: "/", word: "nav.home" },
  { to: "/upload", word: "nav.upload", roles: ["preparer"] },
  { to: "/batches", word: "nav.batches" },
  { to: "/ledger", word: "nav.ledger" },
  { to: "/reconciliation", word: "nav.reconciliation" },
  {
    to: "/operations",
    word: "nav.operations",
    roles: ["operator", "admin", "auditor", "approver"],
  },
  { to: "/audit", word: "nav.audit", roles: ["auditor", "admin"] },
  { to: "/settings", word: "nav.settings" },
];

const Bar = styled("header")(({ theme }) => ({
  display: "flex",
  flexWrap: "wrap",
  alignItems: "center",
  gap: "4px 16px",
  padding: "8px 24px",
  minHeight: 56,
  boxSizing: "border-box",
  background: (theme.vars ?? theme).palette.background.paper,
  borderBottom: `1px solid ${(theme.vars ?? theme).palette.divider}`,
  "@media (max-width: 600px)": { padding: "8px 12px" },
  "@media print": { display: "none" },
}));
const Nav = styled("nav")(({ theme }) => ({
  display: "flex",
  flexWrap: "wrap",
  gap: 4,
  flexGrow: 1,
  "& a": {
    padding: "6px 10px",
    borderRadius: 6,
    textDecoration: "none",
    color: (theme.vars ?? theme).palette.text.primary,
  },
  "& a:hover": { background: (theme.vars ?? theme).palette.action.hover },
  "& a[aria-current]": {
    fontWeight: 650,
    boxShadow: `inset 0 -3px 0 ${(theme.vars ?? theme).palette.primary.main}`,
    borderRadius: "6px 6px 0 0",
  },
  "@media (max-width: 900px)": {
    order: 3,
    flexBasis: "100%",
    flexDirection: "column",
    "&[data-open=false]": { display: "none" },
  },
}));
const MenuButton = styled(Press)({ "@media (min-width: 901px)": { display: "none" } });
const Brand = styled(Link)(({ theme }) => ({
  fontSize: 20,
  fontWeight: 700,
  textDecoration: "none",
  color: (theme.vars ?? theme).palette.text.primary,
}));
const Select = styled("select")(({ theme }) => ({
  font: "inherit",
  padding: "5px 8px",
  borderRadius: 6,
  maxWidth: "100%",
  minHeight: 34,
  color: (theme.vars ?? theme).palette.text.primary,
  background: (theme.vars ?? theme).palette.background.paper,
  border: `1px solid ${(theme.vars ?? theme).palette.text.secondary}`,
}));
const Main = styled("main")({
  padding: 24,
  maxWidth: 1280,
  margin: "0 auto",
  outline: "none",
  boxSizing: "border-box",
  "@media (max-width: 600px)": { padding: 12 },
});
const WhoLabel = styled("label")({
  display: "flex",
  flexWrap: "wrap",
  alignItems: "center",
  gap: 8,
  minWidth: 0,
});
const Skip = styled("a")(({ theme }) => ({
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

/** What asks before an order is fetched ahead: it must be there when the network is not. */
const DIALOG_MS = 500;

export function Shell(): ReactElement {
  const { me } = useMe();
  const [open, setOpen] = useState(false);
  const text = useText();
  const main = useRef<HTMLElement>(null);
  const coming = useComing();
  useFocusAtPage(main);
  useEffect(() => {
    const timer = setTimeout(() => {
      import("./ui/ReasonDialog").catch(() => undefined);
    }, DIALOG_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <>
      <Skip href="#main">
        <T id="skip" />
      </Skip>
      <Bar>
        <Brand to="/">paydown</Brand>
        <MenuButton
          type="button"
          aria-expanded={open}
          aria-controls="places"
          onClick={() => setOpen(!open)}
        >
          <Icon name="menu" /> <T id="nav.menu" />
        </MenuButton>
        <Nav id="places" aria-label={text("nav.label")} data-open={open}>
          {PLACES.filter((place) => !place.roles || may(me, ...place.roles)).map((place) => (
            <Link
              key={place.to}
              to={place.to}
              activeOptions={{ exact: place.to === "/", includeSearch: false }}
              activeProps={{ "aria-current": "page" }}
              onClick={() => setOpen(false)}
            >
              <T id={place.word} />
            </Link>
          ))}
        </Nav>
        <Who me={me} />
      </Bar>
      <Main id="main" ref={main} tabIndex={-1} data-loading={coming || undefined}>
        <KillSwitch />
        <Outlet />
      </Main>
    </>
  );
}

/** Whether something this page shows is asked for the first time; said in the document, so that tests need not guess when a page is whole. */
function useComing(): boolean {
  const asked = useIsFetching({ predicate: (one) => one.state.status === "pending" });
  const page = useRouterState({ select: (state) => state.isLoading });
  return asked > 0 || page;
}

/** After each step to another page its heading has the focus; the tabs of a batch keep it, so that one can go on along them. */
function useFocusAtPage(main: RefObject<HTMLElement | null>): void {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const before = useRef(path);
  useEffect(() => {
    if (
      before.current !== undefined &&
      before.current !== path &&
      !document.activeElement?.closest("[data-keeps-focus]")
    ) {
      (main.current?.querySelector<HTMLElement>("h1") ?? main.current)?.focus({
        preventScroll: true,
      });
    }
    before.current = path;
  }, [main, path]);
}

/** The demo's people; anybody may be anybody, and it says so. */
function Who({ me }: { me: Person }): ReactElement {
  const { become } = useMe();
  const text = useText();
  const demo = me.id.startsWith("demo-");
  if (!demo) return <span>{me.name}</span>;
  return (
    <WhoLabel>
      <small>
        <T id="demo.signed-in" />
      </small>
      <Select
        value={me.id}
        onChange={(event) => become(event.target.value)}
        aria-label={text("demo.switch")}
      >
        {DEMO_PEOPLE.map((person) => (
          <option
            key={person.id}
            value={person.id}
          >{`${person.name} (${text(`role.${person.role}`)})`}</option>
        ))}
      </Select>
    </WhoLabel>
  );
}

/** While everything is stopped, every page says so. */
function KillSwitch(): ReactElement | null {
  const found = query.useQuery(
    "get",
    "/api/v1/ops/kill-switch",
    {},
    { refetchInterval: 15_000, staleTime: 10_000 },
  );
  const state = found.data as { on?: boolean; by_whom?: string; reason?: string } | undefined;
  if (!state?.on) return null;
  return (
    <Notice tone="error" icon="stop" live>
      <T id="kill.on" values={{ who: state.by_whom ?? "", why: state.reason ?? "" }} />
    </Notice>
  );
}

/** A part of the page that could not be fetched or has a fault: said like any other error, with the way out. */
export function Broken({ error }: { error: unknown }): ReactElement {
  const text = useText();
  const shown =
    error instanceof TypeError && /import|module/i.test(error.message)
      ? new Problem({ code: "page.part" }, 0)
      : error;
  return (
    <Page title={text("problem.title")}>
      <ProblemPanel error={shown} retry={() => window.location.reload()} />
    </Page>
  );
}

export function NotFound(): ReactElement {
  const text = useText();
  return (
    <Page title={text("not-found.title")}>
      <p>
        <T id="not-found.text" />
      </p>
      <Link to="/">
        <T id="nav.home" />
      </Link>
    </Page>
  );
}
