/** Every address of the dashboard. Pages load when they are opened. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  parseSearchWith,
  stringifySearchWith,
} from "@tanstack/react-router";
import { query } from "./api/client";
import { queries } from "./api/queries";
import { rowsAsked } from "./batch/rows";
import { Broken, NotFound, Shell } from "./shell";
import { allMessages } from "./i18n/i18n";
import { plain } from "./ui/search";

/** A page, once it and everything it says are here. */
async function ready<M>(page: Promise<M>): Promise<M> {
  const [module] = await Promise.all([page, allMessages]);
  return module;
}

// What an address needs most begins to load before it is known who asks: signing in and fetching then go side by side.
const batchPage = () => import("./batch/BatchPage");
const rowsTab = () => import("./batch/RowsTab");
if (/^\/batches\/./.test(location.pathname)) void batchPage();
if (location.pathname.endsWith("/rows")) void rowsTab();

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const at = { getParentRoute: () => root, validateSearch: plain };

const home = createRoute({
  ...at,
  path: "/",
  component: lazyRouteComponent(() => import("./home/HomePage")),
});
const upload = createRoute({
  ...at,
  path: "/upload",
  component: lazyRouteComponent(() => ready(import("./upload/UploadPage"))),
});
const batches = createRoute({
  ...at,
  path: "/batches",
  component: lazyRouteComponent(() => ready(import("./batches/BatchesPage"))),
});
const batch = createRoute({
  ...at,
  path: "/batches/$batchId",
  // Asked while the page is still being fetched; the page does not wait for it, and says itself what came of it.
  loader: ({ params }) => {
    void queries.prefetchQuery(
      query.queryOptions("get", "/api/v1/batches/{batch_id}", {
        params: { path: { batch_id: params.batchId } },
      }),
    );
  },
  component: lazyRouteComponent(() => ready(batchPage())),
});
const part = { getParentRoute: () => batch, validateSearch: plain };
const parts = [
  createRoute({
    ...part,
    path: "/",
    component: lazyRouteComponent(() => ready(import("./batch/Overview"))),
  }),
  createRoute({
    ...part,
    path: "/rows",
    loaderDeps: ({ search }) => search,
    component: lazyRouteComponent(() => ready(rowsTab())),
    loader: ({ params, deps }) => {
      void queries.prefetchQuery(
        query.queryOptions(
          "get",
          "/api/v1/batches/{batch_id}/rows",
          rowsAsked(params.batchId, deps),
        ),
      );
    },
  }),
  createRoute({
    ...part,
    path: "/checks",
    component: lazyRouteComponent(() => ready(import("./batch/ChecksTab"))),
  }),
  createRoute({
    ...part,
    path: "/changes",
    component: lazyRouteComponent(() => ready(import("./batch/ChangesTab"))),
  }),
  createRoute({
    ...part,
    path: "/approval",
    component: lazyRouteComponent(() => ready(import("./batch/ApprovalTab"))),
  }),
  createRoute({
    ...part,
    path: "/live",
    component: lazyRouteComponent(() => ready(import("./batch/LiveTab"))),
  }),
  createRoute({
    ...part,
    path: "/payments",
    component: lazyRouteComponent(() => ready(import("./payments/PaymentsTab"))),
  }),
  createRoute({
    ...part,
    path: "/failures",
    component: lazyRouteComponent(() => ready(import("./payments/FailuresTab"))),
  }),
  createRoute({
    ...part,
    path: "/activity",
    component: lazyRouteComponent(() => ready(import("./batch/ActivityTab"))),
  }),
  createRoute({
    ...part,
    path: "/reports",
    component: lazyRouteComponent(() => ready(import("./batch/ReportsTab"))),
  }),
] as const;
const payment = createRoute({
  ...at,
  path: "/payments/$paymentId",
  component: lazyRouteComponent(() => ready(import("./payments/PaymentPage"))),
});
const ledger = createRoute({
  ...at,
  path: "/ledger",
  component: lazyRouteComponent(() => ready(import("./ledger/AccountsPage"))),
});
const journals = createRoute({
  ...at,
  path: "/ledger/journals",
  component: lazyRouteComponent(() => ready(import("./ledger/JournalsPage"))),
});
const reconciliation = createRoute({
  ...at,
  path: "/reconciliation",
  component: lazyRouteComponent(() => ready(import("./reconciliation/ReconciliationPage"))),
});
const operations = createRoute({
  ...at,
  path: "/operations",
  component: lazyRouteComponent(() => ready(import("./operations/OperationsPage"))),
});
const audit = createRoute({
  ...at,
  path: "/audit",
  component: lazyRouteComponent(() => ready(import("./audit/AuditPage"))),
});
const settings = createRoute({
  ...at,
  path: "/settings",
  component: lazyRouteComponent(() => ready(import("./settings/SettingsPage"))),
});
const tokens = createRoute({
  ...at,
  path: "/settings/tokens",
  component: lazyRouteComponent(() => ready(import("./settings/TokensPage"))),
});

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    upload,
    batches,
    batch.addChildren([...parts]),
    payment,
    ledger,
    journals,
    reconciliation,
    operations,
    audit,
    settings,
    tokens,
  ]),
  parseSearch: parseSearchWith((text) => text),
  stringifySearch: stringifySearchWith(String),
  defaultErrorComponent: Broken,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
