/** What will not be paid and why, what can be corrected here, and the warnings. */
import type { ReactElement } from "react";
import { T } from "../../../i18n/i18n";
import { Notice } from "../../../ui/Notice";
import { useBatch } from "../../BatchContext";
import { Corrections } from "./Corrections";
import { Issues } from "./Issues";
import { NOT_PAID, RowsNotPaid } from "./RowsNotPaid";

export default function ChecksTab(): ReactElement {
  const { rows } = useBatch().batch;
  const notPaid = NOT_PAID.filter((status) => rows[status] > 0);
  return (
    <>
      <Corrections />
      {notPaid.map((status) => (
        <RowsNotPaid key={status} status={status} />
      ))}
      {notPaid.length === 0 && rows.total > 0 && (
        <Notice tone="success">
          <T id="checks.all-payable" />
        </Notice>
      )}
      <Issues />
    </>
  );
}
