import type { ReactElement, ReactNode } from "react";
import { Panel, Row } from "./layout";

type CardProps = { title?: ReactNode; actions?: ReactNode; children: ReactNode };

/** A framed part of a page, with a heading and what can be done about it. */
export function Card({ title, actions, children }: CardProps): ReactElement {
  return (
    <Panel>
      {title && (
        <Row style={{ marginBottom: 8 }}>
          <h2>{title}</h2>
          {actions}
        </Row>
      )}
      {children}
    </Panel>
  );
}
