import { styled } from "@mui/material/styles";
import type { ReactElement, ReactNode } from "react";
import { type MessageId, T } from "../i18n/i18n";

const List = styled("dl")(({ theme }) => ({
  "& dt": { color: (theme.vars ?? theme).palette.text.secondary },
  display: "grid",
  gridTemplateColumns: "minmax(9em, max-content) 1fr",
  gap: "6px 16px",
  margin: 0,
  "& dd": { margin: 0, overflowWrap: "anywhere", minWidth: 0 },
  "@media (max-width: 480px)": { gridTemplateColumns: "1fr", "& dd": { marginBottom: 6 } },
}));

export type Fact = readonly [label: MessageId, value: ReactNode];

/** A list of labels with their values. */
export function Facts({ items }: { items: readonly Fact[] }): ReactElement {
  return (
    <List>
      {items.map(([label, value]) => [
        <dt key={`${label} label`}>
          <T id={label} />
        </dt>,
        <dd key={`${label} value`}>{value}</dd>,
      ])}
    </List>
  );
}
