import { styled } from "@mui/material/styles";
import { type ReactElement, type ReactNode, useEffect } from "react";
import { Muted, Row } from "./layout";

const Heading = styled("h1")({
  margin: 0,
  fontSize: "1.6rem",
  fontWeight: 650,
  lineHeight: 1.25,
  overflowWrap: "anywhere",
});

type PageProps = {
  title: string;
  /** Below the heading: what this page is, or the state of what it shows. */
  lead?: ReactNode;
  /** Beside the heading. */
  actions?: ReactNode;
  children: ReactNode;
};

/** A page: its heading, which is the window's title too, and its content. */
export function Page({ title, lead, actions, children }: PageProps): ReactElement {
  useEffect(() => {
    document.title = `${title} · paydown`;
  }, [title]);
  return (
    <>
      <Row style={{ marginBottom: 16, alignItems: "flex-start" }}>
        <div>
          <Heading tabIndex={-1}>{title}</Heading>
          {lead && <Muted>{lead}</Muted>}
        </div>
        {actions && <Row>{actions}</Row>}
      </Row>
      {children}
    </>
  );
}
