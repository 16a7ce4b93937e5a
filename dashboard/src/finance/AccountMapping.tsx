import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { type AccountMapping as Mapping, query } from "../api/client";
import { hasRole } from "../api/session";
import { useSignedIn } from "../api/signedIn";
import { T, useText } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Field, Input, Select } from "../ui/fields";
import { DateTime } from "../ui/format";
import { ButtonRow, FormGrid } from "../ui/layout";
import { ListTable } from "../ui/ListTable";
import { ProblemPanel } from "../ui/ProblemPanel";
import { QueryView } from "../ui/QueryView";
import { firstDraft, GL_TYPES, isFallback, isSavable, type MappingLine } from "./mappingDraft";

const PATH = "/api/v1/finance/mapping";

/** Where the accounts of the ledger go in the company's books, with its history. */
export function AccountMapping(): ReactElement {
  const { me } = useSignedIn();
  const mapping = query.useQuery("get", PATH);
  return (
    <Card title={<T id="finance.mapping" />}>
      <p>
        <T id="finance.mapping.means" />
      </p>
      <QueryView query={mapping}>
        {(found) => (
          <>
            {hasRole(me, "preparer", "approver") && (
              <MappingForm key={found.version} mapping={found} />
            )}
            <Versions mapping={found} />
          </>
        )}
      </QueryView>
    </Card>
  );
}

function MappingForm({ mapping }: { mapping: Mapping }): ReactElement {
  const text = useText();
  const queries = useQueryClient();
  const [lines, setLines] = useState(() => firstDraft(mapping.lines));
  const [reason, setReason] = useState("");
  const saving = query.useMutation("post", PATH, {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["get", PATH] }),
  });
  const canSave = isSavable(lines, reason) && !saving.isPending;
  const replace = (at: number, by: Partial<MappingLine>) =>
    setLines(lines.map((line, n) => (n === at ? { ...line, ...by } : line)));
  return (
    <FormGrid
      onSubmit={(event) => {
        event.preventDefault();
        if (canSave) saving.mutate({ body: { base: mapping.version, lines, reason } });
      }}
    >
      {saving.error && <ProblemPanel error={saving.error} />}
      {lines.map((line, n) => (
        <LineFields
          // oxlint-disable-next-line react/no-array-index-key -- a line's account is typed here
          key={n}
          line={line}
          onChange={(by) => replace(n, by)}
          onRemove={() => setLines(lines.filter((_, at) => at !== n))}
        />
      ))}
      <Button
        onClick={() =>
          setLines([
            ...lines,
            { account: "branch:", gl_account: "", gl_type: "Expenses", cost_centre: "" },
          ])
        }
      >
        {text("finance.mapping.add")}
      </Button>
      <Field>
        <T id="finance.mapping.reason" />
        <Input
          value={reason}
          maxLength={500}
          required
          onChange={(event) => setReason(event.target.value)}
        />
      </Field>
      <Button type="submit" variant="contained" disabled={!canSave}>
        {text(saving.isPending ? "working" : "finance.mapping.save")}
      </Button>
    </FormGrid>
  );
}

type LineFieldsProps = {
  line: MappingLine;
  onChange: (by: Partial<MappingLine>) => void;
  onRemove: () => void;
};

function LineFields({ line, onChange, onRemove }: LineFieldsProps): ReactElement {
  const text = useText();
  const fixed = isFallback(line);
  return (
    <ButtonRow role="group" aria-label={line.account}>
      <Field>
        <T id="finance.account" />
        <Input
          style={{ width: "14rem" }}
          value={line.account}
          readOnly={fixed}
          onChange={(event) => onChange({ account: event.target.value })}
        />
      </Field>
      <Field>
        <T id="finance.gl-account" />
        <Input
          style={{ width: "14rem" }}
          value={line.gl_account}
          maxLength={80}
          onChange={(event) => onChange({ gl_account: event.target.value })}
        />
      </Field>
      <Field>
        <T id="finance.gl-type" />
        <Select
          value={line.gl_type}
          onChange={(event) => onChange({ gl_type: event.target.value as MappingLine["gl_type"] })}
        >
          {GL_TYPES.map((type) => (
            <option key={type} value={type}>
              {text(`finance.type.${type}`)}
            </option>
          ))}
        </Select>
      </Field>
      <Field>
        <T id="finance.cost-centre" />
        <Input
          style={{ width: "9rem" }}
          value={line.cost_centre}
          maxLength={80}
          onChange={(event) => onChange({ cost_centre: event.target.value })}
        />
      </Field>
      {!fixed && <Button onClick={onRemove}>{text("finance.mapping.remove")}</Button>}
    </ButtonRow>
  );
}

function Versions({ mapping }: { mapping: Mapping }): ReactElement | null {
  const text = useText();
  if (mapping.versions.length === 0) return null;
  return (
    <ListTable
      label={text("finance.mapping.history")}
      rows={mapping.versions}
      rowId={(version) => String(version.version)}
      columns={[
        { header: "finance.number", numeric: true, cell: ({ version }) => <>{version}</> },
        {
          header: "finance.made",
          cell: ({ made_at, made_by }) => (
            <>
              <DateTime at={made_at} /> · {made_by}
            </>
          ),
        },
        { header: "finance.mapping.reason", wide: true, cell: ({ reason }) => <>{reason}</> },
      ]}
    />
  );
}
