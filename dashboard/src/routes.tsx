/** Every address of the dashboard. Pages load when they are opened. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, parseSearchWith, stringifySearchWith } from "@tanstack/react-router";
import { NotFound, Shell } from "./shell";
import { plain } from "./ui/search";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const at = { getParentRoute: () => root, validateSearch: plain };

const home = createRoute({ ...at, path: "/", component: lazyRouteComponent(() => import("./home/HomePage")) });
const upload = createRoute({ ...at, path: "/upload", component: lazyRouteComponent(() => import("./upload/UploadPage")) });
const batches = createRoute({ ...at, path: "/batches", component: lazyRouteComponent(() => import("./batches/BatchesPage")) });
const batch = createRoute({ ...at, path: "/batches/$batchId", component: lazyRouteComponent(() => import("./batch/BatchPage")) });
const part = { getParentRoute: () => batch, validateSearch: plain };
const parts = [
  createRoute({ ...part, path: "/", component: lazyRouteComponent(() => import("./batch/Overview")) }),
  createRoute({ ...part, path: "/rows", component: lazyRouteComponent(() => import("./batch/RowsTab")) }),
  createRoute({ ...part, path: "/checks", component: lazyRouteComponent(() => import("./batch/ChecksTab")) }),
  createRoute({ ...part, path: "/approval", component: lazyRouteComponent(() => import("./batch/ApprovalTab")) }),
  createRoute({ ...part, path: "/live", component: lazyRouteComponent(() => import("./batch/LiveTab")) }),
  createRoute({ ...part, path: "/payments", component: lazyRouteComponent(() => import("./payments/PaymentsTab")) }),
  createRoute({ ...part, path: "/failures", component: lazyRouteComponent(() => import("./payments/FailuresTab")) }),
  createRoute({ ...part, path: "/activity", component: lazyRouteComponent(() => import("./batch/ActivityTab")) }),
  createRoute({ ...part, path: "/reports", component: lazyRouteComponent(() => import("./batch/ReportsTab")) }),
] as const;
const payment = createRoute({ ...at, path: "/payments/$paymentId", component: lazyRouteComponent(() => import("./payments/PaymentPage")) });
const ledger = createRoute({ ...at, path: "/ledger", component: lazyRouteComponent(() => import("./ledger/AccountsPage")) });
const journals = createRoute({ ...at, path: "/ledger/journals", component: lazyRouteComponent(() => import("./ledger/JournalsPage")) });
const reconciliation = createRoute({ ...at, path: "/reconciliation", component: lazyRouteComponent(() => import("./reconciliation/ReconciliationPage")) });
const operations = createRoute({ ...at, path: "/operations", component: lazyRouteComponent(() => import("./operations/OperationsPage")) });
const audit = createRoute({ ...at, path: "/audit", component: lazyRouteComponent(() => import("./audit/AuditPage")) });
const settings = createRoute({ ...at, path: "/settings", component: lazyRouteComponent(() => import("./settings/SettingsPage")) });

export const router = createRouter({
  routeTree: root.addChildren([home, upload, batches, batch.addChildren([...parts]), payment, ledger, journals, reconciliation, operations, audit, settings]),
  parseSearch: parseSearchWith((text) => text), stringifySearch: stringifySearchWith(String),
  defaultPreload: "intent", scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register { router: typeof router }
}
