import type { ReactElement } from "react";
import { T } from "../i18n/i18n";
import { Notice } from "./Notice";

type RefusedFileNoticeProps = {
  error: { message: string; line: number | null };
  live?: boolean;
};

/** Why a whole file was refused, and what to do. */
export function RefusedFileNotice({ error, live }: RefusedFileNoticeProps): ReactElement {
  return (
    <Notice tone="error" live={live}>
      <b>
        <T id="batch.refused" />
      </b>{" "}
      {error.message}{" "}
      {error.line !== null && <T id="batch.refused.line" values={{ line: error.line }} />}{" "}
      <T id="batch.refused.do" />
    </Notice>
  );
}
