import type { ReactElement } from "react";
import { useFileFault } from "../i18n/fileFault";
import { T } from "../i18n/i18n";
import { Notice } from "./Notice";

/** The fault of a file, as the server describes it; an older server names no row. */
type FileFault = {
  code: string;
  message: string;
  line: number | null;
  row?: number | null;
  field?: string;
  found?: string;
};
type RefusedFileNoticeProps = { error: FileFault; live?: boolean };

/** Why a whole file was refused, and what to do. */
export function RefusedFileNotice({ error, live }: RefusedFileNoticeProps): ReactElement {
  const translated = useFileFault(error.code);
  return (
    <Notice tone="error" live={live}>
      <b>
        <T id="file.refused" />
      </b>{" "}
      {translated ?? error.message} {translated !== null && <Place fault={error} />}{" "}
      {error.line !== null && <T id="batch.refused.line" values={{ line: error.line }} />}{" "}
      <T id="batch.refused.do" />
    </Notice>
  );
}

/** What was found, and in which row; the server's own text has this already. */
function Place({ fault }: { fault: FileFault }): ReactElement {
  const { row, field, found } = fault;
  return (
    <>
      {found ? <T id="file.refused.found" values={{ found }} /> : null}{" "}
      {row ? (
        <T id="file.refused.row" values={{ row, before: row - 1, field: field || "row" }} />
      ) : null}
    </>
  );
}
