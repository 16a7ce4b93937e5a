/** What this person has to do now, and the newest batches. */
import type { ReactElement } from "react";
import { query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { BatchTable } from "../batches/BatchTable";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { ButtonLink, Link } from "../ui/links";
import { Empty } from "../ui/Loading";
import { Page } from "../ui/Page";
import { QueryView } from "../ui/QueryView";
import { SystemHealth } from "./SystemHealth";
import { tasksOf } from "./tasks";
import { TaskTable } from "./TaskTable";

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
        <QueryView query={batches}>
          {(data) => {
            const tasks = tasksOf(data.items, me);
            return tasks.length > 0 ? (
              <TaskTable tasks={tasks} />
            ) : (
              <Empty>
                <T id={data.items.length === 0 ? "home.first" : "home.nothing"} />
              </Empty>
            );
          }}
        </QueryView>
      </Card>
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
