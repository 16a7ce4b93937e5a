/** An error as the gateway tells it (RFC 9457), or as this page has to tell it when there was no answer. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly money: string;
  readonly action: string;
  readonly requestId: string;
  readonly more: Readonly<Record<string, unknown>>;

  constructor(body: Record<string, unknown>, status: number) {
    super(text(body.detail) || text(body.message));
    this.name = "Problem";
    this.status = status;
    this.code = text(body.code) || "unknown";
    this.money = text(body.money);
    this.action = text(body.action);
    this.requestId = text(body.request_id);
    this.more = body;
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The problem in an answer that is not a success; an answer of something else than the gateway is one too. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === "object" && body !== null && "code" in body)
    return new Problem(body as Record<string, unknown>, response.status);
  return new Problem({ code: "answer.unknown", detail: "" }, response.status);
}

/** No answer at all: whether the gateway did what was asked is not known here. */
export function unanswered(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem({ code: "network.none", detail: "" }, 0);
}
