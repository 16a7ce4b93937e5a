/** Pages of a list the server counts. `last` is unknown for lists that can only be read forward. */
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import type { ReactElement } from "react";
import { PAGE_SIZE } from "../api/paging";
import { T, useText } from "../i18n/i18n";
import { Count } from "./figures";

type Props = {
  page: number;
  total: number;
  shown: number;
  size?: number;
  toFirst: () => void;
  toPrevious: (() => void) | undefined;
  toNext: (() => void) | undefined;
  toLast?: (() => void) | undefined;
};

export function Pager({
  page,
  total,
  shown,
  size = PAGE_SIZE,
  toFirst,
  toPrevious,
  toNext,
  toLast,
}: Props): ReactElement {
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
              from: <Count of={from} />,
              to: <Count of={from + shown - 1} />,
              total: <Count of={total} />,
            }}
          />
        )}
      </Box>
      <Button size="small" variant="outlined" disabled={page <= 1} onClick={toFirst}>
        <T id="pager.first" />
      </Button>
      <Button size="small" variant="outlined" disabled={!toPrevious} onClick={toPrevious}>
        <T id="pager.previous" />
      </Button>
      <Button size="small" variant="outlined" disabled={!toNext} onClick={toNext}>
        <T id="pager.next" />
      </Button>
      {toLast && (
        <Button size="small" variant="outlined" disabled={!toNext} onClick={toLast}>
          <T id="pager.last" />
        </Button>
      )}
    </Box>
  );
}
