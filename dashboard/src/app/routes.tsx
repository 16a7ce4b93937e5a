/** Every address of the dashboard. A page is loaded when it is opened. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  parseSearchWith,
  stringifySearchWith,
} from "@tanstack/react-router";
import { query } from "../api/client";
import { queryClient } from "../api/queryClient";
import { rowsRequest } from "../batch/tabs/rows/rowsRequest";
import { allMessages } from "../i18n/i18n";
import { readSearch } from "../ui/search";
import { NotFoundPage, PageError } from "./ErrorPages";
import { Shell } from "./Shell";

/** A page's component, once the page and all messages are loaded. */
function page<M extends { default: unknown }>(load: () => Promise<M>) {
  return lazyRouteComponent(async () => {
    const [module] = await Promise.all([load(), allMessages]);
    return module;
  });
}

const loadBatchPage = () => import("../batch/BatchPage");
const loadRowsTab = () => import("../batch/tabs/rows/RowsTab");

// A page begins to load before it is known who is signed in: both then go on side by side.
if (/^\/batches\/./.test(location.pathname)) void loadBatchPage();
if (location.pathname.endsWith("/rows")) void loadRowsTab();

const root = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage });
const underRoot = { getParentRoute: () => root, validateSearch: readSearch };

const home = createRoute({
  ...underRoot,
  path: "/",
  // Its messages are in the first load, so it does not wait for the others.
  component: lazyRouteComponent(() => import("../home/HomePage")),
});
const batch = createRoute({
  ...underRoot,
  path: "/batches/$batchId",
  // The batch is fetched while the page is still being loaded; the page itself reports any error.
  loader: ({ params }) => {
    void queryClient.prefetchQuery(
      query.queryOptions("get", "/api/v1/batches/{batch_id}", {
        params: { path: { batch_id: params.batchId } },
      }),
    );
  },
  component: page(loadBatchPage),
});
const underBatch = { getParentRoute: () => batch, validateSearch: readSearch };
const rowsTab = createRoute({
  ...underBatch,
  path: "/rows",
  loaderDeps: ({ search }) => search,
  component: page(loadRowsTab),
  loader: ({ params, deps }) => {
    void queryClient.prefetchQuery(
      query.queryOptions(
        "get",
        "/api/v1/batches/{batch_id}/rows",
        rowsRequest(params.batchId, deps),
      ),
    );
  },
});
const tabs = [
  createRoute({
    ...underBatch,
    path: "/",
    component: page(() => import("../batch/tabs/overview/OverviewTab")),
  }),
  rowsTab,
  createRoute({
    ...underBatch,
    path: "/checks",
    component: page(() => import("../batch/tabs/checks/ChecksTab")),
  }),
  createRoute({
    ...underBatch,
    path: "/changes",
    component: page(() => import("../batch/tabs/changes/ChangesTab")),
  }),
  createRoute({
    ...underBatch,
    path: "/approval",
    component: page(() => import("../batch/tabs/approval/ApprovalTab")),
  }),
  createRoute({
    ...underBatch,
    path: "/live",
    component: page(() => import("../batch/tabs/live/LiveTab")),
  }),
  createRoute({
    ...underBatch,
    path: "/payments",
    component: page(() => import("../batch/tabs/payments/PaymentsTab")),
  }),
  createRoute({
    ...underBatch,
    path: "/failures",
    component: page(() => import("../batch/tabs/failures/FailuresTab")),
  }),
  createRoute({
    ...underBatch,
    path: "/activity",
    component: page(() => import("../batch/tabs/activity/ActivityTab")),
  }),
  createRoute({
    ...underBatch,
    path: "/reports",
    component: page(() => import("../batch/tabs/reports/ReportsTab")),
  }),
] as const;
const pages = [
  createRoute({
    ...underRoot,
    path: "/upload",
    component: page(() => import("../upload/UploadPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/batches",
    component: page(() => import("../batches/BatchesPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/payments/$paymentId",
    component: page(() => import("../payments/PaymentPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/employees/$personId",
    component: page(() => import("../employees/EmployeePage")),
  }),
  createRoute({
    ...underRoot,
    path: "/loans/$loanId",
    component: page(() => import("../employees/LoanPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/approval-rules",
    component: page(() => import("../approvalRules/ApprovalRulesPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/holds",
    component: page(() => import("../holds/HoldsPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/ledger",
    component: page(() => import("../ledger/AccountsPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/ledger/journals",
    component: page(() => import("../ledger/JournalsPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/finance",
    component: page(() => import("../finance/FinancePage")),
  }),
  createRoute({
    ...underRoot,
    path: "/reconciliation",
    component: page(() => import("../reconciliation/ReconciliationPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/operations",
    component: page(() => import("../operations/OperationsPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/audit",
    component: page(() => import("../audit/AuditPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/settings",
    component: page(() => import("../settings/SettingsPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/settings/notifications",
    component: page(() => import("../settings/notifications/NotificationsPage")),
  }),
  createRoute({
    ...underRoot,
    path: "/settings/tokens",
    component: page(() => import("../settings/TokensPage")),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren([home, batch.addChildren([...tabs]), ...pages]),
  // Values in an address are plain text, without the quotes that the router puts around them.
  parseSearch: parseSearchWith((text) => text),
  stringifySearch: stringifySearchWith(String),
  defaultErrorComponent: PageError,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
