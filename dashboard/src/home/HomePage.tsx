/** What this person has to do now, and the newest batches. */
import { type ReactElement, Suspense } from "react";
import { type BatchLine, query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { BatchTable } from "../batches/BatchTable";
import { lazyWithMessages, T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { ButtonLink, Link } from "../ui/links";
import { Empty } from "../ui/Loading";
import { Page } from "../ui/Page";
import { QueryView } from "../ui/QueryView";
import { usePutAway } from "./putAway";
import { SystemHealth } from "./SystemHealth";
import { tasksOf } from "./tasks";
import { TaskTable } from "./TaskTable";

// Not in the first load, as their messages.
const HomeFigures = lazyWithMessages(() => import("./HomeFigures"));
const FirstSteps = lazyWithMessages(() => import("./FirstSteps"));

/** How many batches are searched for tasks, and how many are listed. */
const SEARCHED = 50;
const LISTED = 5;

export default function HomePage(): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  const batches = query.useQuery(
    "get",
    "/api/v1/batches",
    { params: { query: { limit: SEARCHED } } },
    { refetchInterval: 5_000 },
  );
  const items = batches.data?.items ?? [];
  return (
    <Page
      title={text("home.title")}
      lead={<T id="home.lead" values={{ name: me.name }} />}
      actions={
        hasRole(me, "preparer") && (
          <ButtonLink to="/upload">
            <T id="home.upload" />
          </ButtonLink>
        )
      }
    >
      {hasRole(me, "operator", "admin", "auditor") && <SystemHealth />}
      <Card title={<T id="home.tasks" />}>
        <QueryView query={batches}>{(data) => <Tasks batches={data.items} />}</QueryView>
      </Card>
      <Suspense fallback={null}>
        <HomeFigures batches={items} />
      </Suspense>
      {items.length > 0 && (
        <Card
          title={<T id="home.last" />}
          actions={
            <Link to="/batches">
              <T id="home.all" values={{ n: batches.data?.total ?? 0 }} />
            </Link>
          }
        >
          <BatchTable batches={items.slice(0, LISTED)} />
        </Card>
      )}
    </Page>
  );
}

/** What there is to do for this person; for a first visit, how to begin. */
function Tasks({ batches }: { batches: readonly BatchLine[] }): ReactElement {
  const { me } = useSignedIn();
  const isPutAway = usePutAway();
  const tasks = tasksOf(batches, me).filter(({ batch }) => !isPutAway(batch));
  if (tasks.length > 0) return <TaskTable tasks={tasks} />;
  const isFirst = batches.length === 0;
  return (
    <>
      <Empty>
        <T id={isFirst ? "home.first" : "home.nothing"} />
      </Empty>
      {isFirst && (
        <Suspense fallback={null}>
          <FirstSteps canUpload={hasRole(me, "preparer")} />
        </Suspense>
      )}
    </>
  );
}
