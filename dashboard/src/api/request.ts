import { noAnswer, readProblem } from "./problem";

/** `fetch` that throws a `Problem` when there is no answer. A refusal is an answer. */
export function fetchAnswer(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, init).catch((error: unknown) => {
    throw noAnswer(error);
  });
}

/** `fetch` that throws a `Problem` for a refusal too. */
export async function fetchOk(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetchAnswer(url, init);
  if (!response.ok) throw await readProblem(response);
  return response;
}
