/** The bar at the top of every page. */
import { styled } from "@mui/material/styles";
import { type ReactElement, useState } from "react";
import { hasRole, type Role } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { type MessageId, T, useText } from "../i18n/i18n";
import { Icon } from "../ui/icons";
import { Link, PlainButton } from "../ui/links";
import { SearchButton } from "./SearchButton";
import { UserMenu } from "./UserMenu";

type Destination = {
  to:
    | "/"
    | "/upload"
    | "/batches"
    | "/holds"
    | "/ledger"
    | "/finance"
    | "/reconciliation"
    | "/operations"
    | "/audit"
    | "/settings";
  label: MessageId;
  /** Who sees it; everybody without it. */
  roles?: Role[];
};
const DESTINATIONS: Destination[] = [
  { to: "/", label: "nav.home" },
  { to: "/upload", label: "nav.upload", roles: ["preparer"] },
  { to: "/batches", label: "nav.batches" },
  { to: "/holds", label: "nav.holds" },
  { to: "/ledger", label: "nav.ledger" },
  { to: "/finance", label: "nav.finance" },
  { to: "/reconciliation", label: "nav.reconciliation" },
  {
    to: "/operations",
    label: "nav.operations",
    roles: ["operator", "admin", "auditor", "approver"],
  },
  { to: "/audit", label: "nav.audit", roles: ["auditor", "admin"] },
  { to: "/settings", label: "nav.settings" },
];

const Bar = styled("header")(({ theme }) => ({
  display: "flex",
  flexWrap: "wrap",
  alignItems: "center",
  gap: "4px 12px",
  padding: "8px 24px",
  minHeight: 56,
  boxSizing: "border-box",
  background: (theme.vars ?? theme).palette.background.paper,
  borderBottom: `1px solid ${(theme.vars ?? theme).palette.divider}`,
  "@media (max-width: 1400px)": { "& kbd": { display: "none" } },
  "@media (max-width: 600px)": { padding: "8px 12px" },
  "@media print": { display: "none" },
}));
const Brand = styled(Link)(({ theme }) => ({
  fontSize: 20,
  fontWeight: 700,
  textDecoration: "none",
  color: (theme.vars ?? theme).palette.text.primary,
}));
/** Opens and closes the navigation where there is no room for it. */
const MenuButton = styled(PlainButton)({ "@media (min-width: 901px)": { display: "none" } });
const Nav = styled("nav")(({ theme }) => ({
  display: "flex",
  flexWrap: "wrap",
  gap: 4,
  flexGrow: 1,
  "& a": {
    padding: "6px 8px",
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

export function Header(): ReactElement {
  const { me } = useSignedIn();
  const [open, setOpen] = useState(false);
  const text = useText();
  return (
    <Bar>
      <Brand to="/">paydown</Brand>
      <MenuButton
        type="button"
        aria-expanded={open}
        aria-controls="navigation"
        onClick={() => setOpen(!open)}
      >
        <Icon name="menu" /> <T id="nav.menu" />
      </MenuButton>
      <Nav id="navigation" aria-label={text("nav.label")} data-open={open}>
        {DESTINATIONS.filter(({ roles }) => !roles || hasRole(me, ...roles)).map(
          ({ to, label }) => (
            <Link
              key={to}
              to={to}
              activeOptions={{ exact: to === "/", includeSearch: false }}
              activeProps={{ "aria-current": "page" }}
              onClick={() => setOpen(false)}
            >
              <T id={label} />
            </Link>
          ),
        )}
      </Nav>
      <SearchButton />
      <UserMenu />
    </Bar>
  );
}
