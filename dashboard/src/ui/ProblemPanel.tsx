/** What went wrong, whether money is affected, what to do, and the id to ask about it. */
import { styled } from "@mui/material/styles";
import type { ReactElement, ReactNode } from "react";
import { Problem } from "../api/problem";
import { isId, T } from "../i18n/i18n";
import { Icon } from "./icons";
import { Press } from "./links";

const Panel = styled("section")(({ theme }) => ({
  border: "2px solid",
  borderColor: (theme.vars ?? theme).palette.error.main,
  borderRadius: 8,
  padding: "12px 16px",
  margin: "12px 0",
  background: (theme.vars ?? theme).palette.background.paper,
  "& h2": { margin: 0, fontSize: "1.05rem" },
  "& dl": {
    display: "grid",
    gridTemplateColumns: "minmax(8em, max-content) 1fr",
    gap: "4px 12px",
    margin: "8px 0 0",
  },
  "& dd": { margin: 0, overflowWrap: "anywhere" },
  "& dt": { fontWeight: 600 },
  "@media (max-width: 480px)": { "& dl": { gridTemplateColumns: "1fr" } },
}));

type Shown = { error: unknown; retry?: () => void; children?: ReactNode; unsafe?: boolean };

/** `unsafe`: what failed was an order, so without an answer it may have been carried out all the same. */
export function ProblemPanel({ error, retry, children, unsafe = false }: Shown): ReactElement {
  const problem =
    error instanceof Problem
      ? error
      : new Problem(
          { code: "page.bug", detail: error instanceof Error ? error.message : String(error) },
          0,
        );
  const title =
    problem.status === 403
      ? "problem.forbidden"
      : problem.status === 404
        ? "problem.gone"
        : problem.status === 0
          ? "problem.no-answer"
          : "problem.title";
  const own = `problem.${problem.code}.what`;
  return (
    <Panel role="alert">
      <h2>
        <Icon name="octagon" /> <T id={title} />
      </h2>
      <dl>
        <dt>
          <T id="problem.what" />
        </dt>
        <dd>{problem.message || (isId(own) ? <T id={own} /> : <T id="problem.unknown" />)}</dd>
        <dt>
          <T id="problem.money" />
        </dt>
        <dd>
          {problem.money || <T id={unsafe ? "problem.money.unknown" : "problem.money.reading"} />}
        </dd>
        <dt>
          <T id="problem.do" />
        </dt>
        <dd>
          {problem.action || (
            <T id={unsafe && problem.status === 0 ? "problem.do.look" : "problem.do.retry"} />
          )}
        </dd>
        {problem.requestId && (
          <>
            <dt>
              <T id="problem.request" />
            </dt>
            <dd>
              <code>{problem.requestId}</code>
            </dd>
          </>
        )}
      </dl>
      {children}
      {retry && (
        <p>
          <Press type="button" onClick={retry}>
            <T id="problem.retry" />
          </Press>
        </p>
      )}
    </Panel>
  );
}
