/** All batches, the newest first. */
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { query } from "../api/client";
import { cursorOfPage } from "../api/paging";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { useAddress } from "../ui/address";
import { Card } from "../ui/Card";
import { Filters, OptionField } from "../ui/Filters";
import { ButtonLink } from "../ui/links";
import { Empty } from "../ui/Loading";
import { Page } from "../ui/Page";
import { Pager } from "../ui/Pager";
import { pageNumber } from "../ui/paging";
import { QueryView } from "../ui/QueryView";
import { BATCH_LOOKS } from "../ui/statusLooks";
import { usePager } from "../ui/usePager";
import { BatchTable } from "./BatchTable";

/** The API does not filter by the two statuses that last only seconds. */
const STATUSES = Object.keys(BATCH_LOOKS).filter(
  (status) => status !== "pausing" && status !== "cancelling",
);
const SORTS = ["-uploaded_at", "uploaded_at", "-period", "period", "filename", "status"] as const;
const SIZE = 25;

export default function BatchesPage(): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  return (
    <Page
      title={text("nav.batches")}
      lead={<T id="batches.lead" />}
      actions={
        hasRole(me, "preparer") && (
          <ButtonLink to="/upload">
            <T id="home.upload" />
          </ButtonLink>
        )
      }
    >
      <BatchList />
    </Page>
  );
}

function BatchList(): ReactElement {
  const [{ q, status, sort, page }, change] = useAddress();
  const batches = query.useQuery(
    "get",
    "/api/v1/batches",
    {
      params: {
        query: { limit: SIZE, cursor: cursorOfPage(pageNumber(page), SIZE), q, status, sort },
      },
    },
    { placeholderData: keepPreviousData, refetchInterval: 10_000 },
  );
  const pager = usePager(batches.data, SIZE);
  return (
    <Card>
      <Filters find="batches.find" kind="batch" statuses={STATUSES}>
        <OptionField
          label="filter.sort"
          value={sort ?? "-uploaded_at"}
          options={SORTS}
          optionLabel={(one) => `sort.${one}`}
          onChange={(chosen) => change({ sort: chosen })}
        />
      </Filters>
      <QueryView query={batches}>
        {({ items }) =>
          items.length > 0 ? (
            <BatchTable batches={items} />
          ) : (
            <Empty>
              <T id={q || status ? "empty.filtered" : "batches.none"} />
            </Empty>
          )
        }
      </QueryView>
      <Pager {...pager} />
    </Card>
  );
}
