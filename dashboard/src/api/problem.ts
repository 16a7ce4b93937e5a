/**
 * An error as the gateway reports it (RFC 9457), or as this page makes it when there is no answer.
 */
export class Problem extends Error {
  /** The HTTP status; 0 without an answer. */
  readonly status: number;
  readonly code: string;
  /** Whether money is affected, in words; may be empty. */
  readonly money: string;
  /** What to do, in words; may be empty. */
  readonly action: string;
  readonly requestId: string;
  /** The whole body, for fields that only one kind of problem has. */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(body: Record<string, unknown>, status: number) {
    super(textOf(body.detail) || textOf(body.message));
    this.name = "Problem"; // `ui` recognises a problem by this name
    this.status = status;
    this.code = textOf(body.code) || "unknown";
    this.money = textOf(body.money);
    this.action = textOf(body.action);
    this.requestId = textOf(body.request_id);
    this.body = body;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The problem in a refusal. */
export async function readProblem(response: Response): Promise<Problem> {
  return problemOf(await response.json().catch(() => null), response.status);
}

/** Of a proxy: too slow, too early, too many requests. The same request may pass later. */
const NOT_NOW: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * The problem in a refusal's body. One without a code did not come from the gateway, which sends a
 * code with every refusal, but from something in front of it: `proxy.…` if that took nothing,
 * `answer.unknown` if it may have passed the request on.
 */
export function problemOf(body: unknown, status: number): Problem {
  if (typeof body === "object" && body !== null && "code" in body)
    return new Problem(body as Record<string, unknown>, status);
  if (status === 413) return new Problem({ code: "proxy.too-large" }, status);
  if (status >= 400 && status < 500 && !NOT_NOW.has(status))
    return new Problem({ code: "proxy.refused" }, status);
  return new Problem({ code: "answer.unknown" }, status);
}

/** The problem of a request without an answer. Whether the gateway carried it out is not known. */
export function noAnswer(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem({ code: "network.none" }, 0);
}
