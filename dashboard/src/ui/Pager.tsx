import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import { type MessageId, T, useText } from "../i18n/i18n";
import { Count } from "./format";

export type PagerProps = {
  page: number;
  size: number;
  total: number;
  /** How many items this page holds. */
  shown: number;
  toFirst: () => void;
  toPrevious: (() => void) | undefined;
  toNext: (() => void) | undefined;
  /** Absent for lists that can only be read forward. */
  toLast?: (() => void) | undefined;
};

/** The pages of a list that the server counts. */
export function Pager(props: PagerProps): ReactElement {
  const { page, size, total, shown, toFirst, toPrevious, toNext, toLast } = props;
  const text = useText();
  const from = (page - 1) * size + 1;
  return (
    <Box
      component="nav"
      aria-label={text("pager.label")}
      sx={{ display: "flex", flexWrap: "wrap", gap: 1, alignItems: "center", py: 1 }}
    >
      <Box role="status" sx={{ flexGrow: 1 }}>
        {shown === 0 ? (
          <T id="pager.none" />
        ) : (
          <T
            id="pager.rows"
            values={{
              from: <Count value={from} />,
              to: <Count value={from + shown - 1} />,
              total: <Count value={total} />,
            }}
          />
        )}
      </Box>
      <PageButton label="pager.first" onClick={page > 1 ? toFirst : undefined} />
      <PageButton label="pager.previous" onClick={toPrevious} />
      <PageButton label="pager.next" onClick={toNext} />
      {toLast && <PageButton label="pager.last" onClick={toNext && toLast} />}
    </Box>
  );
}

type PageButtonProps = { label: MessageId; onClick: (() => void) | undefined };

function PageButton({ label, onClick }: PageButtonProps): ReactElement {
  return (
    <Button size="small" variant="outlined" disabled={!onClick} onClick={onClick}>
      <T id={label} />
    </Button>
  );
}
