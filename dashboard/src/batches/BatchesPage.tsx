/** All batches, newest first. */
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { type BatchLine, query } from "../api/client";
import { cursorOf, pageOf, pagesOf } from "../api/paging";
import { may } from "../api/session";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Field, Choice, Filters } from "../ui/Filters";
import { ButtonLink } from "../ui/links";
import { useMe } from "../ui/me";
import { Card, Empty, Loading, Page } from "../ui/page";
import { Pager } from "../ui/Pager";
import { ProblemPanel } from "../ui/ProblemPanel";
import { BATCH } from "../ui/states";
import { BatchTable } from "./BatchTable";

const STATES = Object.keys(BATCH).filter((state) => state !== "pausing" && state !== "cancelling");
const SORTS = ["-uploaded_at", "uploaded_at", "-period", "period", "filename", "status"] as const;
const SIZE = 25;

export default function BatchesPage(): ReactElement {
  const { me } = useMe();
  const [search, change] = useAddress();
  const text = useText();
  const page = pageOf(search.page);
  const { q, status, sort } = search;
  const found = query.useQuery(
    "get",
    "/api/v1/batches",
    { params: { query: { limit: SIZE, cursor: cursorOf(page, SIZE), q, status, sort } } },
    { placeholderData: keepPreviousData, refetchInterval: 10_000 },
  );
  const rows = (found.data?.items ?? []) as BatchLine[];
  const total = found.data?.total ?? 0;
  const go = (to: number) => () => change({ page: to === 1 ? "" : String(to) });
  return (
    <Page
      title={text("nav.batches")}
      lead={<T id="batches.lead" />}
      actions={
        may(me, "preparer") && (
          <ButtonLink to="/upload">
            <T id="home.upload" />
          </ButtonLink>
        )
      }
    >
      <Card>
        <Filters find="batches.find" kind="batch" states={STATES}>
          <Field>
            <T id="filter.sort" />
            <Choice
              value={sort ?? "-uploaded_at"}
              onChange={(event) => change({ sort: event.target.value })}
            >
              {SORTS.map((one) => (
                <option key={one} value={one}>
                  {text(`sort.${one}`)}
                </option>
              ))}
            </Choice>
          </Field>
        </Filters>
        {found.error && <ProblemPanel error={found.error} retry={() => void found.refetch()} />}
        {found.isPending && <Loading />}
        {found.data && rows.length === 0 && (
          <Empty>
            <T id={q || status ? "empty.filtered" : "batches.none"} />
          </Empty>
        )}
        {rows.length > 0 && <BatchTable rows={rows} />}
        <Pager
          page={page}
          size={SIZE}
          total={total}
          shown={rows.length}
          toFirst={go(1)}
          toPrevious={page > 1 ? go(page - 1) : undefined}
          toNext={found.data?.next ? go(page + 1) : undefined}
          toLast={go(pagesOf(total, SIZE))}
        />
      </Card>
    </Page>
  );
}
