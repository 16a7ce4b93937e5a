/** Names of branches and source accounts: give one, take it back, and see who gave which. */
import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { query } from "../api/client";
import type { components } from "../api/gateway";
import { type NameKind, NAMES_PATH } from "../api/names";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Input } from "../ui/fields";
import { DateTime, ShortId } from "../ui/format";
import { ButtonRow, MutedText } from "../ui/layout";
import { type Column, ListTable } from "../ui/ListTable";
import { Empty } from "../ui/Loading";
import { ProblemPanel } from "../ui/ProblemPanel";
import { QueryView } from "../ui/QueryView";

type GivenName = components["schemas"]["GivenName"];
type Line = { kind: NameKind; id: string; given?: GivenName };
const NAME_MAX = 80;
const UNNAMED_PATH = "/api/v1/names/unnamed";

export function NamesCard(): ReactElement {
  const text = useText();
  const given = query.useQuery("get", NAMES_PATH, {});
  const unnamed = query.useQuery("get", UNNAMED_PATH, {});
  const lines = linesOf(given.data?.items ?? [], unnamed.data?.items ?? []);
  return (
    <Card title={<T id="names.title" />}>
      <p>
        <T id="names.means" />
      </p>
      {given.error && <ProblemPanel error={given.error} retry={() => void given.refetch()} />}
      <QueryView query={unnamed}>
        {({ more }) => (
          <>
            {lines.length === 0 ? (
              <Empty>
                <T id="names.none" />
              </Empty>
            ) : (
              <ListTable
                label={text("names.title")}
                rows={lines}
                rowId={({ kind, id }) => `${kind} ${id}`}
                columns={COLUMNS}
              />
            )}
            {more && (
              <p>
                <T id="names.more" />
              </p>
            )}
          </>
        )}
      </QueryView>
    </Card>
  );
}

/** What has a name first, then what has none; sources before branches. */
export function linesOf(
  given: readonly GivenName[],
  unnamed: readonly { kind: NameKind; id: string }[],
): Line[] {
  const named = given.map((one): Line => ({ kind: one.kind, id: one.id, given: one }));
  const known = new Set(named.map(({ kind, id }) => `${kind} ${id}`));
  const nameless: Line[] = unnamed.filter(({ kind, id }) => !known.has(`${kind} ${id}`));
  return [...named, ...nameless].toSorted(
    (a, b) => Number(!a.given?.name) - Number(!b.given?.name) || b.kind.localeCompare(a.kind),
  );
}

const COLUMNS: readonly Column<Line>[] = [
  { header: "column.kind", cell: ({ kind }) => <T id={`names.${kind}`} /> },
  { header: "column.id", cell: ({ id }) => <ShortId id={id} /> },
  {
    header: "names.name",
    wide: true,
    cell: (line) => <NameForm key={line.given?.version ?? 0} line={line} />,
  },
];

function NameForm({ line }: { line: Line }): ReactElement {
  const { me } = useSignedIn();
  const text = useText();
  const queries = useQueryClient();
  const current = line.given?.name ?? "";
  const [name, setName] = useState(current);
  const giving = query.useMutation("post", NAMES_PATH, {
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ["get", NAMES_PATH] });
      void queries.invalidateQueries({ queryKey: ["get", UNNAMED_PATH] });
    },
  });
  if (!hasRole(me, "preparer", "approver")) return <>{current || "—"}</>;
  const { kind, id } = line;
  const canGive = name.trim() !== current && !giving.isPending;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const base = line.given?.version ?? 0;
        if (canGive) giving.mutate({ body: { kind, id, base, name: name.trim() } });
      }}
    >
      {giving.error && <ProblemPanel error={giving.error} />}
      <ButtonRow>
        <Input
          aria-label={text("names.of", { id })}
          style={{ width: "16rem" }}
          maxLength={NAME_MAX}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" size="small" variant="outlined" disabled={!canGive}>
          {text(giving.isPending ? "working" : "names.save")}
        </Button>
      </ButtonRow>
      {line.given && (
        <MutedText>
          <DateTime at={line.given.given_at} /> · {line.given.given_by}
        </MutedText>
      )}
    </form>
  );
}
