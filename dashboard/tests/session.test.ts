import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Problem } from "../src/api/problem";
import { hasRole, Session } from "../src/api/session";

const PEOPLE: Record<string, object> = {
  "demo-preparer": { id: "demo-preparer", name: "Prea", roles: ["preparer"] },
  "demo-approver": { id: "demo-approver", name: "Appy", roles: ["approver"] },
};
const REFUSED = {
  code: "auth.required",
  detail: "You are not signed in.",
  money: "No money has moved because of this.",
  action: "Sign in.",
  request_id: "r1",
};
const server = setupServer(
  http.get("/api/v1/sign-in", () => HttpResponse.json({ mode: "demo", login_url: null })),
);
beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

class Memory extends Map<string, string> {
  getItem = (key: string) => this.get(key) ?? null;
  setItem = (key: string, value: string) => void this.set(key, value);
}

function bearerGateway() {
  server.use(
    http.get("/api/v1/me", ({ request }) => {
      const person = PEOPLE[request.headers.get("authorization")?.replace("Bearer ", "") ?? ""];
      return person ? HttpResponse.json(person) : HttpResponse.json(REFUSED, { status: 401 });
    }),
    http.post("/api/v1/session", () => HttpResponse.json({ code: "not-found" }, { status: 404 })),
  );
}

test("without sessions, requests carry a token, and the first person is the preparer", async () => {
  bearerGateway();
  const session = new Session(new Memory());
  expect((await session.start()).id).toBe("demo-preparer");
  expect(session.headers()).toEqual({ Authorization: "Bearer demo-preparer" });
});

test("a tab stays who it was, and can be another", async () => {
  bearerGateway();
  const memory = new Memory([["paydown.demo-person", "demo-approver"]]);
  const session = new Session(memory);
  expect((await session.start()).id).toBe("demo-approver");
  await session.become("demo-preparer");
  expect(memory.getItem("paydown.demo-person")).toBe("demo-preparer");
});

test("with sessions, requests carry the cookie and no token", async () => {
  let signedIn = "";
  server.use(
    http.get("/api/v1/me", ({ request }) => {
      expect(request.headers.get("authorization")).toBeNull();
      return signedIn
        ? HttpResponse.json(PEOPLE[signedIn])
        : HttpResponse.json(REFUSED, { status: 401 });
    }),
    http.post("/api/v1/session", async ({ request }) => {
      signedIn = ((await request.json()) as { person: string }).person;
      return HttpResponse.json(PEOPLE[signedIn]);
    }),
  );
  const session = new Session(new Memory());
  expect((await session.start()).id).toBe("demo-preparer");
  expect(session.headers()).toEqual({});
});

test("a refused sign-in is reported in the gateway's own words", async () => {
  server.use(
    http.get("/api/v1/me", () => HttpResponse.json(REFUSED, { status: 401 })),
    http.post("/api/v1/session", () =>
      HttpResponse.json({ ...REFUSED, code: "auth.unknown" }, { status: 403 }),
    ),
  );
  await expect(new Session(new Memory()).start()).rejects.toMatchObject({
    code: "auth.unknown",
    status: 403,
    requestId: "r1",
  });
});

test("no gateway at all is a problem too", async () => {
  server.use(http.get("/api/v1/me", () => HttpResponse.error()));
  await expect(new Session(new Memory()).start()).rejects.toBeInstanceOf(Problem);
});

test("what is offered follows the roles", () => {
  const preparer = { id: "p", name: "P", roles: ["preparer"] };
  expect([
    hasRole(preparer, "preparer"),
    hasRole(preparer, "approver", "operator"),
    hasRole(null, "preparer"),
  ]).toEqual([true, false, false]);
});
