import { styled } from "@mui/material/styles";
import { lazy, type ReactElement, type ReactNode, Suspense } from "react";
import { isMessageId, type MessageId, T, useApiText } from "../i18n/i18n";
import { Icon } from "./icons";
import { PlainButton } from "./links";
import { STEP_UP } from "./signInAnew";

const SignInAnew = lazy(() => import("./SignInAnew"));

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

/** An error as RFC 9457 describes it. The API's `Problem` is one; `ui` knows it by its shape. */
export type ProblemDetails = {
  message: string;
  /** The HTTP status; 0 without an answer. */
  status: number;
  code: string;
  /** Whether money is affected, in the server's words; may be empty. */
  money: string;
  /** What to do, in the server's words; may be empty. */
  action: string;
  requestId: string;
};

type ProblemPanelProps = {
  error: unknown;
  retry?: () => void;
  /** What failed was a change, so without an answer it may have been made all the same. */
  unsafe?: boolean;
  /** The dialog in which it failed: it is open again after a new sign-in. */
  dialog?: string;
};

/** A proxy's refusal: the request did not reach the system, and the same one never will. */
const isRefusedByProxy = ({ code }: ProblemDetails): boolean => code.startsWith("proxy.");

function moneyOf(problem: ProblemDetails, unsafe: boolean): MessageId {
  if (isRefusedByProxy(problem)) return "problem.money.proxy";
  return unsafe ? "problem.money.unknown" : "problem.money.reading";
}

function actionOf(problem: ProblemDetails, unsafe: boolean): MessageId {
  if (isRefusedByProxy(problem)) return "problem.do.proxy";
  return unsafe && problem.status === 0 ? "problem.do.check" : "problem.do.retry";
}

/** What went wrong, whether money is affected, what to do, and the id to ask about it. */
export function ProblemPanel(props: ProblemPanelProps): ReactElement {
  const { error, retry, unsafe = false, dialog = "" } = props;
  const problem = detailsOf(error);
  const apiText = useApiText();
  const specific = `problem.${problem.code}.what`;
  return (
    <Panel role="alert">
      <h2>
        <Icon name="octagon" /> <T id={titleOf(problem.status)} />
      </h2>
      <dl>
        <Detail label="problem.what">
          {apiText(problem.message) || (
            <T id={isMessageId(specific) ? specific : "problem.unknown"} />
          )}
        </Detail>
        <Detail label="problem.money">
          {apiText(problem.money) || <T id={moneyOf(problem, unsafe)} />}
        </Detail>
        <Detail label="problem.do">
          {apiText(problem.action) || <T id={actionOf(problem, unsafe)} />}
        </Detail>
        {problem.requestId && (
          <Detail label="problem.request">
            <code>{problem.requestId}</code>
          </Detail>
        )}
      </dl>
      {problem.code === STEP_UP && (
        <Suspense fallback={null}>
          <SignInAnew dialog={dialog} />
        </Suspense>
      )}
      {retry && (
        <p>
          <PlainButton type="button" onClick={retry}>
            <T id="problem.retry" />
          </PlainButton>
        </p>
      )}
    </Panel>
  );
}

function Detail({ label, children }: { label: MessageId; children: ReactNode }): ReactElement {
  return (
    <>
      <dt>
        <T id={label} />
      </dt>
      <dd>{children}</dd>
    </>
  );
}

function titleOf(status: number): MessageId {
  if (status === 403) return "problem.forbidden";
  if (status === 404) return "problem.gone";
  return status === 0 ? "problem.no-answer" : "problem.title";
}

/** The details of an error. Anything but a problem is a bug of this page and is shown as it is. */
function detailsOf(error: unknown): ProblemDetails {
  if (error instanceof Error && error.name === "Problem") return error as Error & ProblemDetails;
  const message = error instanceof Error ? error.message : String(error);
  return { message, status: 0, code: "page.bug", money: "", action: "", requestId: "" };
}
